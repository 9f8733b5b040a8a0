//! What mpmath says: `tests/oracles/laws.json`, written by the script beside it.

use serde_json::Value;

/// The rows of one table, each its arguments and then its results.
pub(crate) fn rows(table: &str) -> Vec<Vec<f64>> {
    let tables: Value =
        serde_json::from_str(include_str!("../../../../tests/oracles/laws.json")).expect("the oracle is JSON");
    let rows = tables[table].as_array().expect("the oracle has such a table");
    let numbers =
        |row: &Value| row.as_array().expect("a row").iter().map(|cell| cell.as_f64().expect("a number")).collect();
    rows.iter().map(numbers).collect()
}
