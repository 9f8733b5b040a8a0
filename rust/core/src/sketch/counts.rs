//! The counts of all tensors of a plan.

use thiserror::Error;

use super::bare::BareCell;
use super::cell::{self, Cell};
use super::columns;
use super::plan::{Columns, Plan};
use super::profile::Kind;
use super::rows;
use super::strings::{self, RawElements};
use super::table::Count;
use super::tables::Tables;

/// The counts of one window, or of one table.
///
/// `Counts<u32>` is what rows are counted into: plain memory of one thread. `Counts<u64>` is what it is added to; a
/// counter of 32 bits is full after 4 × 10⁹ equal values and stays so, so hand over before.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts<N> {
    pub(super) tensors: Vec<Tables<N>>,
}

/// Values of one column, top to bottom.
#[derive(Clone, Copy, Debug)]
pub enum Values<'v> {
    /// Little-endian elements of the tensor's datatype, at any address.
    Raw(&'v [u8]),
    F32(&'v [f32]),
    F64(&'v [f64]),
    I64(&'v [i64]),
    /// Strings as Arrow's `utf8` and `binary` hold them.
    Strings {
        offsets: &'v [i32],
        data: &'v [u8],
    },
    /// Strings as Arrow's `large_utf8` and `large_binary` hold them.
    LargeStrings {
        offsets: &'v [i64],
        data: &'v [u8],
    },
}

/// Why something was not counted; nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CountError {
    #[error("{got} bytes are not {rows} rows of {row} bytes each")]
    Length { rows: usize, row: usize, got: usize },
    #[error("values of the column are not {expected}, the datatype of its tensor")]
    Datatype { expected: &'static str },
    #[error("{got} strings are not {rows} rows of {width}")]
    Elements { rows: usize, width: usize, got: usize },
    #[error("offsets of strings fall or lead out of their data")]
    Offsets,
    #[error("the profile has no feature in column {column}")]
    Column { column: usize },
}

impl Counts<u32> {
    /// Counts the rows of a row-major tensor from its little-endian bytes, at any address.
    pub fn count_rows(&mut self, plan: &Plan, tensor: usize, raw: &[u8], rows: usize) -> Result<(), CountError> {
        if let (Columns::Bare(own), Tables::Bare(table)) = (&plan.tensors[tensor].columns, &mut self.tensors[tensor]) {
            return table.count_rows(own, raw, rows);
        }
        if let Columns::Strings(layout) = &plan.tensors[tensor].columns {
            let width = layout.width;
            let elements = RawElements::new(raw).ok_or(CountError::Elements { rows, width, got: 0 })?;
            return self.count_strings(plan, tensor, elements, rows);
        }
        let (level, plan) = (plan.level, &plan.tensors[tensor]);
        let row = plan.width * plan.datatype.size().expect("numbers have a size");
        if rows.checked_mul(row) != Some(raw.len()) {
            return Err(CountError::Length { rows, row, got: raw.len() });
        }
        match (&plan.columns, &mut self.tensors[tensor]) {
            (Columns::F32(layout), Tables::F32(table)) => rows::count(level, layout, plan.datatype, raw, table),
            (Columns::F64(layout), Tables::F64(table)) => rows::count(level, layout, plan.datatype, raw, table),
            (Columns::I64(layout), Tables::I64(table)) => rows::count(level, layout, plan.datatype, raw, table),
            _ => unreachable!("counts are made for their plan"),
        }
        Ok(())
    }

    /// Counts the rows of a row-major tensor of strings.
    pub fn count_strings<'v>(
        &mut self,
        plan: &Plan,
        tensor: usize,
        elements: impl ExactSizeIterator<Item = &'v [u8]>,
        rows: usize,
    ) -> Result<(), CountError> {
        let plan = &plan.tensors[tensor];
        if let (Columns::Bare(own), Tables::Bare(table)) = (&plan.columns, &mut self.tensors[tensor]) {
            return table.count_strings(own, elements, rows);
        }
        let (Columns::Strings(layout), Tables::Strings(tables)) = (&plan.columns, &mut self.tensors[tensor]) else {
            return Err(CountError::Datatype { expected: plan.datatype.name() });
        };
        let (width, got) = (layout.width, elements.len());
        if rows.checked_mul(width) != Some(got) {
            return Err(CountError::Elements { rows, width, got });
        }
        strings::count_rows(layout, elements, tables);
        Ok(())
    }

    /// Counts values of one column of a tensor, such as a column of a table.
    pub fn count_column(
        &mut self,
        plan: &Plan,
        tensor: usize,
        column: usize,
        values: Values<'_>,
    ) -> Result<(), CountError> {
        let (level, plan) = (plan.level, &plan.tensors[tensor]);
        let expected = plan.datatype;
        match (&plan.columns, &mut self.tensors[tensor], values) {
            (Columns::F32(layout), Tables::F32(table), Values::F32(values)) => {
                columns::count(level, layout, column, values, table)
            }
            (Columns::F64(layout), Tables::F64(table), Values::F64(values)) => {
                columns::count(level, layout, column, values, table)
            }
            (Columns::I64(layout), Tables::I64(table), Values::I64(values)) => {
                columns::count(level, layout, column, values, table)
            }
            (Columns::F32(layout), Tables::F32(table), Values::Raw(raw)) => {
                columns::count_raw(level, layout, column, expected, raw, table)
            }
            (Columns::F64(layout), Tables::F64(table), Values::Raw(raw)) => {
                columns::count_raw(level, layout, column, expected, raw, table)
            }
            (Columns::I64(layout), Tables::I64(table), Values::Raw(raw)) => {
                columns::count_raw(level, layout, column, expected, raw, table)
            }
            (Columns::Strings(layout), Tables::Strings(tables), values) => {
                let place = layout.place(column).ok_or(CountError::Column { column })?;
                let (dictionary, table) = (&layout.columns[place].1, &mut tables[place]);
                match values {
                    Values::Raw(raw) => table.count_all(dictionary, RawElements::new(raw).ok_or(CountError::Offsets)?),
                    Values::Strings { offsets, data } => table.count_all(dictionary, strings::slices(offsets, data)?),
                    Values::LargeStrings { offsets, data } => {
                        table.count_all(dictionary, strings::slices(offsets, data)?);
                    }
                    _ => return Err(CountError::Datatype { expected: expected.name() }),
                }
                Ok(())
            }
            _ => Err(CountError::Datatype { expected: expected.name() }),
        }
    }
}

impl<N: Count> Counts<N> {
    /// Counts of nothing yet.
    pub fn new(plan: &Plan) -> Self {
        Self { tensors: plan.tensors.iter().map(Tables::new).collect() }
    }

    /// Forgets what was counted and keeps the memory.
    pub fn clear(&mut self) {
        self.tensors.iter_mut().for_each(Tables::clear);
    }

    /// Adds other counts of the same plan; the order of additions does not matter.
    pub fn merge<M: Count>(&mut self, other: &Counts<M>) {
        assert_eq!(self.tensors.len(), other.tensors.len(), "counts are of one plan");
        self.merge_profiled(other);
    }

    /// Counts of nothing yet, of the features of the profile alone.
    pub fn of_profile(plan: &Plan) -> Self {
        Self { tensors: plan.tensors[..plan.profile().tensors.len()].iter().map(Tables::new).collect() }
    }

    /// Adds what other counts of the same plan have of the features of the profile.
    pub fn merge_profiled<M: Count>(&mut self, other: &Counts<M>) {
        self.tensors.iter_mut().zip(&other.tensors).for_each(|(ours, theirs)| ours.merge(theirs));
    }

    /// Adds each feature's rows in bins, in the order of the profile.
    pub fn add_binned(&self, plan: &Plan, rows: &mut [u64]) {
        for (at, rows) in rows.iter_mut().enumerate() {
            *rows = rows.saturating_add(self.binned(plan, at));
        }
    }

    /// Rows of a feature in bins; its whole cell costs a hundred times as much.
    fn binned(&self, plan: &Plan, feature: usize) -> u64 {
        let (tensor, _, feature) = plan.feature(feature);
        let sum = |slots: &[N]| slots.iter().fold(0_u64, |sum, slot| sum.saturating_add((*slot).into()));
        macro_rules! numeric {
            ($layout:expr, $table:expr) => {{
                let (group, lane) = $layout.place(feature.column).expect("a feature has a place");
                let group = &$layout.groups[group];
                sum(&$table.slots[group.slots_of(lane)][..group.intervals()])
            }};
        }
        match (&plan.tensors[tensor].columns, &self.tensors[tensor]) {
            (Columns::F32(layout), Tables::F32(table)) => numeric!(layout, table),
            (Columns::F64(layout), Tables::F64(table)) => numeric!(layout, table),
            (Columns::I64(layout), Tables::I64(table)) => numeric!(layout, table),
            (Columns::Strings(layout), Tables::Strings(tables)) => {
                let place = layout.place(feature.column).expect("a feature has a place");
                let (categories, specials) = tables[place].parts();
                sum(categories).saturating_add(specials[strings::OTHER].into())
            }
            _ => unreachable!("counts are made for their plan"),
        }
    }

    /// Bytes that these counts take; those of strings have room for everything that can be new, and
    /// those without a reference for every bucket and name.
    pub fn size_bytes(&self) -> usize {
        self.tensors.iter().map(Tables::size_bytes).sum()
    }

    /// Whether other counts could be those of the same plan: they have as many counters everywhere.
    pub fn lies_like<M: Count>(&self, other: &Counts<M>) -> bool {
        let mut pairs = self.tensors.iter().zip(&other.tensors);
        self.tensors.len() == other.tensors.len() && pairs.all(|(ours, theirs)| ours.lies_like(theirs))
    }

    /// Rows counted, by the first tensor of the plan.
    pub fn rows(&self, plan: &Plan) -> u64 {
        match self.tensors.first() {
            Some(Tables::Bare(table)) => table.rows(),
            Some(_) => self.cell(plan, 0).rows(),
            None => 0,
        }
    }

    /// What was counted of the features without a reference, in the order of [`Plan::bare_features`].
    pub fn bare_cells(&self, plan: &Plan) -> Vec<BareCell> {
        let own = self.tensors[plan.profile().tensors.len()..].iter().zip(plan.bare());
        own.flat_map(|(table, tensor)| {
            let Tables::Bare(table) = table else { unreachable!("counts are made for their plan") };
            (0..tensor.columns().len()).map(move |at| BareCell::of(table, at))
        })
        .collect()
    }

    /// What was counted of a feature, by its place in the profile.
    pub fn cell(&self, plan: &Plan, feature: usize) -> Cell {
        let (tensor, _, feature) = plan.feature(feature);
        macro_rules! numeric {
            ($layout:expr, $table:expr, $numeric:expr) => {{
                let (group, lane) = $layout.place(feature.column).expect("a feature has a place");
                Cell::Numeric(cell::numeric($table, $numeric, (group, &$layout.groups[group]), lane))
            }};
        }
        match (&plan.tensors[tensor].columns, &self.tensors[tensor], &feature.kind) {
            (Columns::F32(layout), Tables::F32(table), Kind::F32(numeric)) => numeric!(layout, table, numeric),
            (Columns::F64(layout), Tables::F64(table), Kind::F64(numeric)) => numeric!(layout, table, numeric),
            (Columns::I64(layout), Tables::I64(table), Kind::I64(numeric)) => numeric!(layout, table, numeric),
            (Columns::Strings(layout), Tables::Strings(tables), Kind::Categorical(_)) => {
                let place = layout.place(feature.column).expect("a feature has a place");
                Cell::Categorical(cell::categorical(&tables[place]))
            }
            _ => unreachable!("counts are made for their plan"),
        }
    }
}
