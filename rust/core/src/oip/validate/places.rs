//! Which input of the request stands for which input of the signature.

/// Nearly every model has fewer inputs than this; their places then need no allocation.
const FEW: usize = 16;

/// The places in the request of a signature's inputs: on the stack where they are few.
pub(super) enum Places {
    Few([Option<u32>; FEW], usize),
    Many(Vec<Option<u32>>),
}

impl Places {
    /// As many places, none of them taken.
    pub(super) fn new(inputs: usize) -> Self {
        if inputs <= FEW { Self::Few([None; FEW], inputs) } else { Self::Many(vec![None; inputs]) }
    }

    /// Puts `index` of the request at `place` of the signature; `false` if the place was taken.
    pub(super) fn take(&mut self, place: usize, index: usize) -> bool {
        let slot = match self {
            Self::Few(slots, inputs) => &mut slots[..*inputs][place],
            Self::Many(slots) => &mut slots[place],
        };
        let is_free = slot.is_none();
        if is_free {
            *slot = Some(index as u32);
        }
        is_free
    }

    /// Where in the request the input at `place` of the signature lies.
    pub(super) fn at(&self, place: usize) -> Option<usize> {
        let slot = match self {
            Self::Few(slots, inputs) => slots[..*inputs][place],
            Self::Many(slots) => slots[place],
        };
        slot.map(|index| index as usize)
    }
}
