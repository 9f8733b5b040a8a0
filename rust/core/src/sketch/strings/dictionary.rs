//! Which strings the reference knows, by hash: 65,600 known strings take one for another once in 10¹⁴ new ones.

use xxhash_rust::xxh3::xxh3_64;

use super::super::profile::Categorical;
use super::naming;

/// What a string is to the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Category(usize),
    Other,
    New,
}

/// The known strings of one feature.
#[derive(Clone, Debug)]
pub(in super::super) struct Dictionary {
    /// The few frequent ones apart, so that most values touch two cache lines.
    categories: Hashes,
    named: usize,
    /// The category at each place of `categories`.
    codes: Vec<u8>,
    others: Hashes,
    sentinel: Option<Box<[u8]>>,
}

impl Dictionary {
    pub(in super::super) fn new(feature: &Categorical) -> Self {
        let mut categories = Hashes::new(feature.categories.len());
        let mut codes = vec![0; categories.slots.len()];
        for (code, name) in feature.categories.iter().enumerate() {
            codes[categories.insert(naming::hash(name))] = code as u8;
        }
        let mut others = Hashes::new(feature.others.len());
        for name in &feature.others {
            others.insert(naming::hash(name));
        }
        let sentinel = feature.sentinel.as_ref().map(|text| text.as_bytes().into());
        Self { categories, named: feature.categories.len(), codes, others, sentinel }
    }

    /// How many categories there are.
    pub(in super::super) fn categories(&self) -> usize {
        self.named
    }

    /// Whether a string stands for a missing value: it has no bytes, or is the sentinel.
    #[inline]
    pub(in super::super) fn is_missing(&self, value: &[u8]) -> bool {
        value.is_empty() || self.sentinel.as_deref() == Some(value)
    }

    /// Whether the reference names it, be it rare.
    #[inline]
    pub(in super::super) fn knows(&self, value: &[u8]) -> bool {
        self.find(xxh3_64(value)) != Known::New
    }

    #[inline]
    pub(super) fn find(&self, hash: u64) -> Known {
        if let Some(place) = self.categories.find(hash) {
            return Known::Category(self.codes[place].into());
        }
        if self.others.find(hash).is_some() { Known::Other } else { Known::New }
    }
}

/// A set of hashes by open addressing: at most half full, so that a search ends after a step or two.
#[derive(Clone, Debug)]
struct Hashes {
    slots: Box<[u64]>,
}

/// A free slot; a hash of 0 is kept as 1.
const FREE: u64 = 0;

impl Hashes {
    fn new(members: usize) -> Self {
        Self { slots: vec![FREE; (2 * members).next_power_of_two()].into() }
    }

    /// The slots to look at, in order.
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        (0..=mask).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }

    fn find(&self, hash: u64) -> Option<usize> {
        let hash = hash.max(1);
        self.probe(hash)
            .find(|slot| matches!(self.slots[*slot], FREE) || self.slots[*slot] == hash)
            .filter(|slot| self.slots[*slot] == hash)
    }

    fn insert(&mut self, hash: u64) -> usize {
        let hash = hash.max(1);
        let free = |slot: &usize| self.slots[*slot] == FREE || self.slots[*slot] == hash;
        let slot = self.probe(hash).find(free).expect("half of the slots are free");
        self.slots[slot] = hash;
        slot
    }
}
