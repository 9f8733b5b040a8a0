//! How the shadows of a route compare, as JSON.

use crate::drive::plane::Plane;
use serde_json::{Map, Value, json};

/// Everything under `/shadow/<route>`.
///
/// # Errors
/// A sentence: there is no such route, or it has no shadow.
pub(super) fn report(plane: &Plane, route: &str) -> Result<Value, String> {
    let snapshot = plane.snapshot();
    let target = snapshot.targets.get(route).filter(|target| target.route.is_some());
    let target = target.ok_or_else(|| {
        let shadowed = snapshot.targets.values().filter(|target| target.shadows.iter().next().is_some());
        let mut names: Vec<&str> = shadowed.map(|target| &*target.name).collect();
        names.sort_unstable();
        format!("no route is named {route:?}; routes with a shadow: {}", names.join(", "))
    })?;
    let now_ms = plane.clock.unix_ms();
    let shadows: Vec<Value> = target
        .shadows
        .iter()
        .map(|shadow| {
            let account = &shadow.account;
            let dropped: Map<String, Value> =
                account.drops().map(|(reason, count)| (reason.to_owned(), json!(count))).collect();
            json!({
                "to": shadow.arm.version.id.as_str(),
                "share_bp": shadow.share_bp,
                "sampled": account.sampled_total(),
                "compared": account.compared_total(),
                "dropped": dropped,
                "since_s": now_ms.saturating_sub(account.since_ms) / 1_000,
                "comparison": account.report(),
            })
        })
        .collect();
    if shadows.is_empty() {
        return Err(format!("route {route:?} has no shadow; the document gives it one under routes.{route}.shadow"));
    }
    Ok(json!({"route": route, "epoch": snapshot.epoch, "shadows": shadows}))
}
