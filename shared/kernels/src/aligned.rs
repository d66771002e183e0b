//! Buffers that begin at a cache line: a vector register's worth that lies in two lines takes twice as long to read or
//! write.

use std::ops::{Deref, DerefMut};

/// Bytes.
const CACHE_LINE: usize = 64;

/// A buffer of fixed length whose first element lies at the start of a cache line.
pub(crate) struct Aligned<N> {
    all: Vec<N>,
    first: usize,
    len: usize,
}

impl<N: Copy> Aligned<N> {
    pub(crate) fn new(value: N, len: usize) -> Aligned<N> {
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
