//! How names fare, from the same counters as `/metrics`.

use crate::drive::keys::Permit;
use crate::drive::reactor::{find_arm, find_target};
use crate::drive::snapshot::{Arm, Snapshot, Target};
use crate::observe::counters::{Series, Totals};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::messages::inference as oip;

/// Counters of one name, or of all that the caller may ask in alphabetical order.
///
/// Without a version a route is one entry, summed over its arms; it carries the version of the stable arm, because
/// Triton's perf_analyzer reads the version of every entry as a number. A model without a route has an entry for each
/// loaded version. Runs are counted by version, not by route: a version that two routes share shows all of them in both.
pub(super) fn statistics(
    snapshot: &Snapshot,
    permit: &Permit,
    asked: &oip::ModelStatisticsRequest,
) -> Result<oip::ModelStatisticsResponse, Fault> {
    let mut found = Vec::new();
    if !asked.name.is_empty() {
        permit.check(&asked.name)?;
        let target = find_target(snapshot, &asked.name)?;
        if asked.version.is_empty() {
            found = entries(&target);
        } else {
            let arm = &target.arms[find_arm(snapshot, &target, &asked.version)?];
            found.push(entry(&target, arm, std::slice::from_ref(arm), &[&arm.series]));
        }
    } else if asked.version.is_empty() {
        let targets: BTreeMap<&String, _> = snapshot.targets.iter().filter(|(name, _)| permit.opens(name)).collect();
        found.extend(targets.into_values().flat_map(|target| entries(target)));
    } else {
        let text = "a version without a name says nothing; name the route or model, or leave both empty for all";
        return Err(Fault::of_field(Reason::InvalidParameter, "version", text));
    }
    Ok(oip::ModelStatisticsResponse { model_stats: found })
}

fn entries(target: &Target) -> Vec<oip::ModelStatistics> {
    if target.route.is_some() {
        // With what failed before an arm was chosen.
        let series: Vec<&Series> = target.arms.iter().map(|arm| &*arm.series).chain([&*target.series]).collect();
        return vec![entry(target, target.lead(), &target.arms, &series)];
    }
    target.arms.iter().map(|arm| entry(target, arm, std::slice::from_ref(arm), &[&arm.series])).collect()
}

fn entry(target: &Target, named: &Arm, arms: &[Arc<Arm>], series: &[&Series]) -> oip::ModelStatistics {
    let totals: Vec<Totals> = series.iter().map(|series| series.totals()).collect();
    let batches = batches(arms);
    oip::ModelStatistics {
        name: target.name.to_string(),
        version: named.version.id.version().to_owned(),
        last_inference: totals.iter().map(|totals| totals.last_ms).max().unwrap_or(0),
        inference_count: totals.iter().map(|totals| totals.rows).sum(),
        execution_count: batches.iter().filter_map(|batch| batch.compute_infer).map(|infer| infer.count).sum(),
        inference_stats: Some(inference_stats(&totals)),
        batch_stats: batches,
        ..Default::default()
    }
}

fn inference_stats(totals: &[Totals]) -> oip::InferStatistics {
    let sum = |pick: &dyn Fn(&Totals) -> (u64, u64)| {
        let (count, ns) = totals.iter().map(pick).fold((0, 0), |(count, ns), one| (count + one.0, ns + one.1));
        oip::StatisticDuration { count, ns }
    };
    let phase = |at: usize| sum(&|totals| (totals.phases[at].count(), totals.phases[at].sum()));
    let [queue, input, infer, output] = [phase(0), phase(1), phase(2), phase(3)];
    let mut success = sum(&Totals::ok);
    // Read beside the threads that write, a part may be one request ahead of the whole; clients subtract.
    success.ns = success.ns.max(queue.ns + input.ns + infer.ns + output.ns);
    oip::InferStatistics {
        success: Some(success),
        fail: Some(sum(&Totals::failed)),
        queue: Some(queue),
        compute_input: Some(input),
        compute_infer: Some(infer),
        compute_output: Some(output),
        cache_hit: Some(oip::StatisticDuration::default()),
        cache_miss: Some(oip::StatisticDuration::default()),
    }
}

/// Runs by their rows, summed over the arms.
fn batches(arms: &[Arc<Arm>]) -> Vec<oip::InferBatchStatistics> {
    let mut by_rows: BTreeMap<u64, [oip::StatisticDuration; 3]> = BTreeMap::new();
    for size in arms.iter().flat_map(|arm| arm.version.batches.totals()) {
        let kept = by_rows.entry(size.rows).or_default();
        for (duration, ns) in kept.iter_mut().zip([size.input, size.infer, size.output]) {
            duration.count += size.count;
            duration.ns += ns;
        }
    }
    by_rows
        .into_iter()
        .map(|(batch_size, [input, infer, output])| oip::InferBatchStatistics {
            batch_size,
            compute_input: Some(input),
            compute_infer: Some(infer),
            compute_output: Some(output),
        })
        .collect()
}
