//! A trie of tokens over their characters.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

/// Finds every token that is a prefix of a text, in one walk over its characters.
pub(super) struct Trie {
    /// The child of a node by node and character.
    edges: HashMap<u64, u32, FxBuildHasher>,
    /// The id of the token that ends at each node.
    ids: Vec<Option<u32>>,
}

impl Trie {
    /// Builds the trie. The last of several equal tokens determines the id.
    pub(super) fn new<'a>(tokens: impl IntoIterator<Item = (&'a str, u32)>) -> Trie {
        let mut trie = Trie { edges: HashMap::default(), ids: vec![None] };
        for (token, id) in tokens {
            trie.insert(token, id);
        }
        trie
    }

    fn insert(&mut self, token: &str, id: u32) {
        let mut node = 0;
        for character in token.chars() {
            let next = self.ids.len() as u32;
            node = *self.edges.entry(edge(node, character)).or_insert(next);
            if node == next {
                self.ids.push(None);
            }
        }
        if let Some(end) = self.ids.get_mut(node as usize) {
            *end = Some(id);
        }
    }

    /// The length in characters and the id of every token that is a prefix of `text`, the shortest first.
    pub(super) fn prefixes<'a>(&'a self, text: &'a [char]) -> impl Iterator<Item = (usize, u32)> + 'a {
        let step = |node: &mut u32, &character: &char| {
            *node = *self.edges.get(&edge(*node, character))?;
            Some(self.ids.get(*node as usize).copied().flatten())
        };
        text.iter().scan(0, step).zip(1..).filter_map(|(id, length)| Some((length, id?)))
    }

    /// The id of the token that equals `text`.
    pub(super) fn get(&self, text: &[char]) -> Option<u32> {
        self.prefixes(text).find(|&(length, _)| length == text.len()).map(|(_, id)| id)
    }
}

/// The key of the edge from `node` with `character`.
fn edge(node: u32, character: char) -> u64 {
    u64::from(node) << 32 | u64::from(u32::from(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(usize, u32)]) {
        let trie = Trie::new([("영", 0), ("영화", 1), ("영화가", 2), ("화", 3), ("영화관람", 4), ("화", 5)]);
        let text: Vec<char> = text.chars().collect();
        assert_eq!(trie.prefixes(&text).collect::<Vec<_>>(), expect);
        let whole = expect.last().filter(|(length, _)| *length == text.len());
        assert_eq!(trie.get(&text), whole.map(|&(_, id)| id));
    }

    #[test]
    fn prefixes_come_shortest_first() {
        check("영화가좋다", &[(1, 0), (2, 1), (3, 2)]);
        check("영화관", &[(1, 0), (2, 1)]);
        check("영화", &[(1, 0), (2, 1)]);
        check("화가", &[(1, 5)]);
        check("가영", &[]);
        check("", &[]);
    }
}
