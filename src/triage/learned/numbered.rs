//! What is learned, numbered: keys in order, each with how rare it is.
//!
//! Keys are hashes and evenly spread, so that the first bits of one tell where it stands: between two
//! of the places that are noted there is seldom more than one key. A look-up reads less memory than
//! in a hash map, and a model that is read from disk needs only the places noted.

use serde::{Deserialize, Serialize};

/// Places that are noted for a key, at least.
const PLACES_A_KEY: usize = 2;

/// Keys, numbered one after the other in their order, with their inverse document frequencies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbered {
    /// The number of the first key.
    first: u32,
    keys: Vec<u64>,
    idf: Vec<f32>,
    /// By the first bits of a key: how many keys come before all with these bits.
    #[serde(skip)]
    starts: Vec<u32>,
    /// How many bits are not among these.
    #[serde(skip)]
    shift: u32,
}

/// Where a key stands that is not known.
const NOWHERE: usize = usize::MAX;

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    pub(super) number: u32,
    pub(super) idf: f32,
}

impl Numbered {
    /// Numbers these keys from `first` on.
    pub(super) fn new(first: usize, keys: impl Iterator<Item = (u64, f32)>) -> Self {
        let mut keys: Vec<(u64, f32)> = keys.collect();
        keys.sort_unstable_by_key(|(key, _)| *key);
        let (keys, idf) = keys.into_iter().unzip();
        let numbered = Self {
            first: u32::try_from(first).unwrap_or(u32::MAX),
            keys,
            idf,
            ..Self::default()
        };
        numbered.ready()
    }

    /// With the places by first bits, which are not stored.
    pub(super) fn ready(mut self) -> Self {
        // At least two, for 64 bits cannot be shifted out.
        let n_places = (PLACES_A_KEY * self.keys.len()).next_power_of_two().max(2);
        self.shift = u64::BITS - n_places.trailing_zeros();
        self.starts = vec![0; n_places + 1];
        for key in &self.keys {
            if let Some(next) = self.starts.get_mut(place(*key, self.shift) + 1) {
                *next += 1;
            }
        }
        let mut n_before = 0;
        for start in &mut self.starts {
            n_before += *start;
            *start = n_before;
        }
        self
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The number behind the last one.
    pub(super) fn end(&self) -> usize {
        self.first as usize + self.len()
    }

    /// Where a number stands among these, counted from zero; nothing for one before them.
    pub(super) fn place(&self, number: u32) -> Option<usize> {
        number.checked_sub(self.first).map(|place| place as usize)
    }

    /// What is known of a key.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<Known> {
        self.known(self.position(key))
    }

    /// Those of many that have a known key. The processor reads ahead, for it need not guess at every
    /// key whether it is known.
    pub(super) fn find_all<T: Copy>(&self, all: &[T], key: impl Fn(&T) -> u64) -> Vec<(Known, T)> {
        let positions = all.iter().map(|one| self.position(key(one)));
        let positions: Vec<usize> = positions.collect();
        let mut found = Vec::with_capacity(all.len());
        for (position, one) in positions.into_iter().zip(all) {
            found.extend(self.known(position).map(|known| (known, *one)));
        }
        found
    }

    /// Where a key stands among all, or [`NOWHERE`].
    #[inline]
    fn position(&self, key: u64) -> usize {
        let starts = self.starts.get(place(key, self.shift)..);
        let Some([start, end]) = starts.and_then(|starts| starts.first_chunk::<2>()) else {
            return NOWHERE;
        };
        let (start, end) = (*start as usize, *end as usize);
        let is_first = start < end && self.keys.get(start) == Some(&key);
        if end > start + 1 && !is_first {
            let others = self.keys.get(start..end).unwrap_or_default();
            let at = others.iter().position(|one| *one == key);
            return at.map_or(NOWHERE, |at| start + at);
        }
        if is_first { start } else { NOWHERE }
    }

    fn known(&self, position: usize) -> Option<Known> {
        Some(Known {
            idf: *self.idf.get(position)?,
            number: self.first + u32::try_from(position).ok()?,
        })
    }
}

/// The first bits of a key.
#[expect(
    clippy::cast_possible_truncation,
    reason = "fewer bits than a place has"
)]
fn place(key: u64, shift: u32) -> usize {
    (key >> shift) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use twox_hash::XxHash64;

    #[test]
    fn every_key_is_found_and_no_other() {
        for n_keys in [0, 1, 2, 3, 1_000] {
            let key = |n: u64| XxHash64::oneshot(n, b"key");
            let keys = (0..n_keys).map(|n| (key(n), 0.5));
            let numbered = Numbered::new(10, keys);
            let found = (0..n_keys).map(|n| numbered.find(key(n)).unwrap().number);
            let mut found: Vec<u32> = found.collect();
            found.sort_unstable();
            assert!(
                found
                    .into_iter()
                    .eq(10..10 + u32::try_from(n_keys).unwrap())
            );
            assert!((n_keys..n_keys + 1_000).all(|n| numbered.find(key(n)).is_none()));
            let all: Vec<u64> = (0..2 * n_keys).collect();
            let known = (0..n_keys).map(|n| (numbered.find(key(n)).unwrap(), n));
            assert!(numbered.find_all(&all, |n| key(*n)).into_iter().eq(known));
        }
    }

    #[test]
    fn the_outermost_keys_are_found() {
        let keys = [0, 1, u64::MAX - 1, u64::MAX];
        let numbered = Numbered::new(0, keys.into_iter().zip([1.0, 2.0, 3.0, 4.0]));
        let found = keys.map(|key| numbered.find(key).unwrap());
        assert_eq!(found.map(|known| known.number), [0, 1, 2, 3]);
        assert!(
            found
                .iter()
                .zip([1.0, 2.0, 3.0, 4.0])
                .all(|(known, idf)| known.idf.eq(&idf))
        );
        assert_eq!(numbered.find(2), None);
        assert_eq!(Numbered::default().find(0), None);
    }
}
