//! What a name is: ready or not, its versions, its signature, its configuration as Triton's clients read it.

use crate::drive::reactor::{find_arm, find_target};
use crate::drive::snapshot::{Snapshot, Target, Version};
use tidegate_core::fault::{Fault, Reason, quoted};
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::messages::inference as oip;
use tidegate_core::oip::signature::TensorSpec;

/// What stands behind every model here, in the words of Triton's clients.
const PLATFORM: &str = "onnxruntime_onnx";
const BACKEND: &str = "onnxruntime";
const MODEL_FILE: &str = "model.onnx";

/// Whether a name answers now. A version that lies in the repository and is not loaded is known and not ready; a name
/// that is neither is an error.
pub(super) fn ready(
    snapshot: &Snapshot,
    gateway: bool,
    asked: &oip::ModelReadyRequest,
) -> Result<oip::ModelReadyResponse, Fault> {
    let ready = |ready| Ok(oip::ModelReadyResponse { ready });
    let target = match find_target(snapshot, &asked.name) {
        Err(fault) if fault.reason == Reason::VersionUnavailable => {
            let is_known = asked.version.is_empty() || is_indexed(snapshot, &asked.name, &asked.version);
            return if is_known { ready(false) } else { Err(not_in_repository(&asked.name, &asked.version)) };
        }
        found => found?,
    };
    match find_arm(snapshot, &target, &asked.version) {
        // A snapshot holds routes with all their arms loaded or not at all.
        Ok(_) => ready(gateway),
        Err(_) if target.route.is_none() && is_indexed(snapshot, &asked.name, &asked.version) => ready(false),
        Err(fault) => Err(fault),
    }
}

fn is_indexed(snapshot: &Snapshot, model: &str, version: &str) -> bool {
    snapshot.index().iter().any(|entry| entry.model == model && entry.version == version)
}

fn not_in_repository(model: &str, version: &str) -> Fault {
    let text = format!("the repository has no version \"{}\" of model \"{model}\"", quoted(version));
    Fault::of_field(Reason::UnknownVersion, "version", text)
}

/// Versions, inputs and outputs of a name, or of one of its versions.
pub(super) fn metadata(
    snapshot: &Snapshot,
    asked: &oip::ModelMetadataRequest,
) -> Result<oip::ModelMetadataResponse, Fault> {
    let target = find_target(snapshot, &asked.name)?;
    let arm = find_arm(snapshot, &target, &asked.version)?;
    let signature = target.arms[arm].version.signature();
    let versions = if asked.version.is_empty() { versions_of(&target) } else { vec![spelled(&target, arm)] };
    Ok(oip::ModelMetadataResponse {
        name: target.name.to_string(),
        versions,
        platform: PLATFORM.to_owned(),
        inputs: signature.inputs.iter().map(tensor_metadata).collect(),
        outputs: signature.outputs.iter().map(tensor_metadata).collect(),
        ..Default::default()
    })
}

/// The versions behind a name as callers may ask for them, in ascending order.
fn versions_of(target: &Target) -> Vec<String> {
    let mut arms: Vec<usize> = (0..target.arms.len()).collect();
    arms.sort_by_key(|&arm| (target.arms[arm].version.id.number(), arm));
    arms.into_iter().map(|arm| spelled(target, arm)).collect()
}

/// The arm's version number, or `model/number` where arms of two models share the number.
fn spelled(target: &Target, arm: usize) -> String {
    let id = &target.arms[arm].version.id;
    let namesakes = target.arms.iter().filter(|other| other.version.id.version() == id.version()).count();
    if namesakes > 1 { id.as_str().to_owned() } else { id.version().to_owned() }
}

fn tensor_metadata(spec: &TensorSpec) -> oip::model_metadata_response::TensorMetadata {
    oip::model_metadata_response::TensorMetadata {
        name: spec.name.clone(),
        datatype: spec.datatype.name().to_owned(),
        shape: spec.dims.clone(),
    }
}

/// The configuration of a name: that of its lead arm, or of the version asked for.
pub(super) fn config(snapshot: &Snapshot, asked: &oip::ModelConfigRequest) -> Result<oip::ModelConfigResponse, Fault> {
    let target = find_target(snapshot, &asked.name)?;
    let version = &target.arms[find_arm(snapshot, &target, &asked.version)?].version;
    Ok(oip::ModelConfigResponse { config: Some(config_of(&target, version)) })
}

fn config_of(target: &Target, version: &Version) -> oip::ModelConfig {
    let signature = version.signature();
    oip::ModelConfig {
        name: target.name.to_string(),
        platform: PLATFORM.to_owned(),
        backend: BACKEND.to_owned(),
        version_policy: Some(version_policy(target)),
        max_batch_size: if version.is_batched() { version.max_rows() as i32 } else { 0 },
        input: signature.inputs.iter().map(|spec| model_input(version, spec)).collect(),
        output: signature.outputs.iter().map(|spec| model_output(version, spec)).collect(),
        scheduling_choice: version.is_batched().then(|| dynamic_batching(version)),
        instance_group: vec![oip::ModelInstanceGroup {
            name: format!("{}_0", target.name),
            count: version.settings.instances as i32,
            kind: oip::model_instance_group::Kind::Cpu.into(),
            ..Default::default()
        }],
        default_model_filename: MODEL_FILE.to_owned(),
        model_transaction_policy: Some(oip::ModelTransactionPolicy { decoupled: false }),
        ..Default::default()
    }
}

fn version_policy(target: &Target) -> oip::ModelVersionPolicy {
    use oip::model_version_policy::{PolicyChoice, Specific};
    let mut versions: Vec<i64> = target.arms.iter().map(|arm| arm.version.id.number() as i64).collect();
    versions.sort_unstable();
    versions.dedup();
    oip::ModelVersionPolicy { policy_choice: Some(PolicyChoice::Specific(Specific { versions })) }
}

fn dynamic_batching(version: &Version) -> oip::model_config::SchedulingChoice {
    let queue = &version.settings.queue;
    // One level is none, which the protocol writes as zero.
    let (priority_levels, default_priority_level) =
        if queue.priority_levels > 1 { (queue.priority_levels, queue.default_priority) } else { (0, 0) };
    oip::model_config::SchedulingChoice::DynamicBatching(oip::ModelDynamicBatching {
        max_queue_delay_microseconds: version.settings.batching.max_delay_us,
        priority_levels,
        default_priority_level,
        ..Default::default()
    })
}

fn model_input(version: &Version, spec: &TensorSpec) -> oip::ModelInput {
    let (name, data_type, dims) = (spec.name.clone(), data_type(spec.datatype).into(), dims(version, spec));
    oip::ModelInput { name, data_type, dims, ..Default::default() }
}

fn model_output(version: &Version, spec: &TensorSpec) -> oip::ModelOutput {
    let (name, data_type, dims) = (spec.name.clone(), data_type(spec.datatype).into(), dims(version, spec));
    oip::ModelOutput { name, data_type, dims, ..Default::default() }
}

/// Above a `max_batch_size` of 0 the first axis goes without saying.
fn dims(version: &Version, spec: &TensorSpec) -> Vec<i64> {
    spec.dims.iter().skip(usize::from(version.is_batched())).copied().collect()
}

fn data_type(datatype: Datatype) -> oip::DataType {
    match datatype {
        Datatype::Bool => oip::DataType::TypeBool,
        Datatype::Uint8 => oip::DataType::TypeUint8,
        Datatype::Uint16 => oip::DataType::TypeUint16,
        Datatype::Uint32 => oip::DataType::TypeUint32,
        Datatype::Uint64 => oip::DataType::TypeUint64,
        Datatype::Int8 => oip::DataType::TypeInt8,
        Datatype::Int16 => oip::DataType::TypeInt16,
        Datatype::Int32 => oip::DataType::TypeInt32,
        Datatype::Int64 => oip::DataType::TypeInt64,
        Datatype::Fp16 => oip::DataType::TypeFp16,
        Datatype::Bf16 => oip::DataType::TypeBf16,
        Datatype::Fp32 => oip::DataType::TypeFp32,
        Datatype::Fp64 => oip::DataType::TypeFp64,
        Datatype::Bytes => oip::DataType::TypeString,
    }
}
