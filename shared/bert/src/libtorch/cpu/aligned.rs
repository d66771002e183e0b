//! Numbers that begin where a cache line does: a vector register's worth that lies in two lines takes twice as long to read or
//! write.

use std::ops::{Deref, DerefMut};

/// Bytes.
const CACHE_LINE: usize = 64;

/// As many numbers as it was made for.
pub(super) struct Aligned<N> {
    all: Vec<N>,
    first: usize,
    len: usize,
}

impl<N: Copy> Aligned<N> {
    pub(super) fn new(value: N, len: usize) -> Aligned<N> {
        let all = vec![value; len + CACHE_LINE / size_of::<N>()];
        let first = all.as_ptr().align_offset(CACHE_LINE);
        Aligned { all, first, len }
    }
}

impl<N> Deref for Aligned<N> {
    type Target = [N];

    #[inline(always)]
    fn deref(&self) -> &[N] {
        &self.all[self.first..][..self.len]
    }
}

impl<N> DerefMut for Aligned<N> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [N] {
        &mut self.all[self.first..][..self.len]
    }
}
