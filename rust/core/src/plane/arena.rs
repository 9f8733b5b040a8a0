//! A slab whose keys go stale: places are reused, names are not.

/// The name of a value in an [`Arena`]; once the value is taken out the key finds nothing, whoever has the place next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub(super) index: u32,
    /// Raised each time the place is emptied. It wraps after 2³² values in one place, so a key would have to be kept
    /// for exactly that many to be mistaken.
    generation: u32,
}

/// "No place": the end of a list.
pub(super) const NONE: u32 = u32::MAX;

enum Place<T> {
    Taken(T),
    /// Free, with the next free place.
    Free(u32),
}

struct Slot<T> {
    generation: u32,
    place: Place<T>,
}

/// Values under generational keys: insert, find and remove in constant time, no allocation once it has grown.
pub(super) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: u32,
    len: usize,
}

impl<T> Arena<T> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), free: NONE, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, value: T) -> Key {
        self.len += 1;
        if self.free == NONE {
            let index = u32::try_from(self.slots.len()).expect("queues are bounded far below 2^32 requests");
            self.slots.push(Slot { generation: 0, place: Place::Taken(value) });
            return Key { index, generation: 0 };
        }
        let index = self.free;
        let slot = &mut self.slots[index as usize];
        if let Place::Free(next) = slot.place {
            self.free = next;
        }
        slot.place = Place::Taken(value);
        Key { index, generation: slot.generation }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation || matches!(slot.place, Place::Free(_)) {
            return None;
        }
        let place = std::mem::replace(&mut slot.place, Place::Free(self.free));
        slot.generation = slot.generation.wrapping_add(1);
        self.free = key.index;
        self.len -= 1;
        match place {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        match self.slots.get(key.index as usize) {
            Some(Slot { generation, place: Place::Taken(value) }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.slots.get_mut(key.index as usize) {
            Some(Slot { generation, place: Place::Taken(value) }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The value at a place that the caller knows to be taken: a link of one of its lists.
    pub(super) fn at(&self, index: u32) -> &T {
        match &self.slots[index as usize].place {
            Place::Taken(value) => value,
            Place::Free(_) => unreachable!("a list links only taken places"),
        }
    }

    /// As [`Arena::at`], to change it.
    pub(super) fn at_mut(&mut self, index: u32) -> &mut T {
        match &mut self.slots[index as usize].place {
            Place::Taken(value) => value,
            Place::Free(_) => unreachable!("a list links only taken places"),
        }
    }

    /// The key of a taken place.
    pub(super) fn key(&self, index: u32) -> Key {
        Key { index, generation: self.slots[index as usize].generation }
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| match &mut slot.place {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Arena;

    #[test]
    fn a_key_finds_its_value_until_it_is_removed_and_nothing_afterwards() {
        let mut arena = Arena::new();
        let first = arena.insert('a');
        assert_eq!(arena.get(first), Some(&'a'));
        assert_eq!(arena.remove(first), Some('a'));
        let second = arena.insert('b');
        assert_eq!(second.index, first.index, "the place is used again");
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.get_mut(first), None);
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.remove(second), Some('b'));
        assert_eq!(arena.remove(second), None);
        assert_eq!(arena.len(), 0);
    }

    #[test]
    fn it_grows_only_to_the_most_values_held_at_once() {
        let mut arena = Arena::new();
        for round in 0..100 {
            let keys: Vec<_> = (0..10).map(|value| arena.insert(round * 10 + value)).collect();
            assert_eq!(arena.len(), 10);
            for key in keys {
                assert!(arena.remove(key).is_some());
            }
        }
        assert_eq!(arena.slots.len(), 10);
    }
}
