pub(in crate::front) mod fixture;

use super::{LONGEST_MESSAGE, call};
use crate::drive::inbox::Phases;
use crate::drive::keys::Permit;
use crate::drive::plane::{Phase, Plane};
use bytes::Bytes;
use fixture::plane;
use prost::Message;
use std::collections::BTreeMap;
use tidegate_core::fault::{Fault, Reason};
use tidegate_core::oip::messages::inference as oip;

fn ask<Answered: Message + Default>(plane: &Plane, method: &str, asked: &impl Message) -> Answered {
    let answer = call(plane, &Permit::default(), method, asked.encode_to_vec().into()).expect("the call is answered");
    Answered::decode(answer).expect("the answer is of its type")
}

fn fault(plane: &Plane, method: &str, asked: &impl Message) -> Fault {
    call(plane, &Permit::default(), method, asked.encode_to_vec().into()).expect_err("the call is refused")
}

fn is_ready(plane: &Plane, name: &str, version: &str) -> Result<bool, Reason> {
    let asked = oip::ModelReadyRequest { name: name.to_owned(), version: version.to_owned() };
    let answer =
        call(plane, &Permit::default(), "ModelReady", asked.encode_to_vec().into()).map_err(|fault| fault.reason)?;
    Ok(oip::ModelReadyResponse::decode(answer).expect("the answer is of its type").ready)
}

fn statistics(plane: &Plane, name: &str, version: &str) -> Vec<oip::ModelStatistics> {
    let asked = oip::ModelStatisticsRequest { name: name.to_owned(), version: version.to_owned() };
    ask::<oip::ModelStatisticsResponse>(plane, "ModelStatistics", &asked).model_stats
}

fn config(plane: &Plane, name: &str, version: &str) -> oip::ModelConfig {
    let asked = oip::ModelConfigRequest { name: name.to_owned(), version: version.to_owned() };
    ask::<oip::ModelConfigResponse>(plane, "ModelConfig", &asked).config.expect("every answer has a config")
}

#[test]
fn every_unary_method_of_the_service_is_answered_or_refused_for_a_reason_of_its_own() {
    let plane = plane();
    let set = prost_types::FileDescriptorSet::decode(tidegate_core::oip::messages::DESCRIPTORS)
        .expect("the build wrote the descriptors");
    let methods: Vec<_> =
        set.file.iter().flat_map(|file| &file.service).filter(|one| one.name() == "GRPCInferenceService").collect();
    let methods: Vec<_> = methods.into_iter().flat_map(|service| &service.method).collect();
    assert_eq!(methods.len(), 20);
    for method in methods.iter().map(|method| method.name()).filter(|name| !name.ends_with("Infer")) {
        if let Err(fault) = call(&plane, &Permit::default(), method, Bytes::new()) {
            assert_ne!(fault.reason, Reason::UnknownMethod, "{method}");
        }
        let fault = call(&plane, &Permit::default(), method, Bytes::from_static(&[0x0a, 0x7f]))
            .expect_err("the message is cut short");
        assert_eq!(fault.reason, Reason::MalformedMessage, "{method}");
    }
    let fault = call(&plane, &Permit::default(), "ModelGuess", Bytes::new()).expect_err("there is no such method");
    assert_eq!(fault.reason, Reason::UnknownMethod);
    assert!(fault.message.contains("ModelGuess"));
}

#[test]
fn a_message_beyond_any_of_these_calls_is_refused_before_it_is_unpacked() {
    let plane = plane();
    let large = || Bytes::from(vec![0u8; LONGEST_MESSAGE + 1]);
    let refusal = |method| call(&plane, &Permit::default(), method, large()).expect_err("it is too large").reason;
    assert_eq!(refusal("TraceSetting"), Reason::MessageTooLarge);
    // It may hold a model file; the answer is the same as without.
    assert_eq!(refusal("RepositoryModelLoad"), Reason::AdminOnly);
}

#[test]
fn a_server_that_drains_is_live_and_not_ready() {
    let plane = plane();
    let both = || {
        let live: oip::ServerLiveResponse = ask(&plane, "ServerLive", &oip::ServerLiveRequest {});
        let ready: oip::ServerReadyResponse = ask(&plane, "ServerReady", &oip::ServerReadyRequest {});
        (live.live, ready.ready, is_ready(&plane, "delay", ""))
    };
    assert_eq!(both(), (true, true, Ok(true)));
    plane.phase.send_replace(Phase::NotServing);
    assert_eq!(both(), (true, false, Ok(false)));
}

#[test]
fn a_version_that_is_known_and_not_loaded_is_not_ready_and_an_unknown_one_is_an_error() {
    let plane = plane();
    assert_eq!(is_ready(&plane, "flight", ""), Ok(true));
    assert_eq!(is_ready(&plane, "flight", "10"), Ok(true));
    assert_eq!(is_ready(&plane, "flight", "1"), Ok(false));
    assert_eq!(is_ready(&plane, "flight", "7"), Err(Reason::UnknownVersion));
    assert_eq!(is_ready(&plane, "broken", ""), Ok(false));
    assert_eq!(is_ready(&plane, "broken", "1"), Ok(false));
    assert_eq!(is_ready(&plane, "broken", "2"), Err(Reason::UnknownVersion));
    assert_eq!(is_ready(&plane, "nobody", ""), Err(Reason::UnknownModel));
    assert_eq!(is_ready(&plane, "delay", "2"), Ok(true));
    assert_eq!(is_ready(&plane, "delay", "1"), Err(Reason::VersionNotOnRoute));
}

#[test]
fn metadata_of_a_route_lists_its_versions_by_number_and_the_whole_shapes() {
    let plane = plane();
    let asked = oip::ModelMetadataRequest { name: "delay".to_owned(), version: String::new() };
    let answer: oip::ModelMetadataResponse = ask(&plane, "ModelMetadata", &asked);
    assert_eq!((answer.name.as_str(), answer.platform.as_str()), ("delay", "onnxruntime_onnx"));
    assert_eq!(answer.versions, ["2", "10"]);
    let inputs: Vec<_> =
        answer.inputs.iter().map(|one| (one.name.as_str(), one.datatype.as_str(), one.shape.clone())).collect();
    assert_eq!(inputs, [("carrier", "BYTES", vec![-1, 1]), ("hour", "FP32", vec![-1, 3])]);
    let asked = oip::ModelMetadataRequest { name: "delay".to_owned(), version: "10".to_owned() };
    let answer: oip::ModelMetadataResponse = ask(&plane, "ModelMetadata", &asked);
    assert_eq!(answer.versions, ["10"]);
}

#[test]
fn the_config_of_a_batched_version_leaves_the_first_axis_out() {
    let config = config(&plane(), "delay", "");
    assert_eq!((config.name.as_str(), config.max_batch_size), ("delay", 64));
    assert_eq!(config.input[0].dims, [1]);
    assert_eq!(config.input[0].data_type(), oip::DataType::TypeString);
    assert_eq!(config.output[0].dims, [2]);
    assert!(matches!(config.scheduling_choice, Some(oip::model_config::SchedulingChoice::DynamicBatching(_))));
    assert_eq!(config.instance_group[0].count, 2);
    let policy = config.version_policy.and_then(|policy| policy.policy_choice);
    let Some(oip::model_version_policy::PolicyChoice::Specific(specific)) = policy else { panic!("not specific") };
    assert_eq!(specific.versions, [2, 10]);
}

#[test]
fn the_config_of_an_unbatched_version_holds_the_whole_shapes() {
    let config = config(&plane(), "single", "3");
    assert_eq!(config.max_batch_size, 0);
    assert_eq!(config.input[0].dims, [2, -1]);
    assert!(config.output[0].dims.is_empty());
    assert_eq!(config.scheduling_choice, None);
}

/// Answers and failures as the front counts them: two requests of three rows in one run of `flight/2`, one of a row
/// alone in `flight/10`, a failure of `flight/10` and one before any arm was chosen.
fn serve_some(plane: &Plane) {
    let snapshot = plane.snapshot();
    let delay = &snapshot.targets["delay"];
    let arm = |version| &delay.arms[delay.arm_of(version).expect("the route has the arm")];
    let phases = Phases { queue: 1_000, input: 2_000, infer: 30_000, output: 4_000 };
    for unix_ms in [5, 7] {
        arm("2").series.answered(0, 40_000, &phases, 3, unix_ms);
    }
    arm("2").version.batches.record(6, 2, &phases);
    arm("10").series.answered(0, 40_000, &phases, 1, 6);
    arm("10").version.batches.record(1, 1, &phases);
    arm("10").series.failed(0, 9_000, &Fault::new(Reason::ModelFailed, "it broke"));
    delay.series.failed(0, 1_000, &Fault::new(Reason::InvalidParameter, "it is wrong"));
}

#[test]
fn a_route_without_a_version_is_one_entry_summed_over_its_arms() {
    let plane = plane();
    serve_some(&plane);
    let entries = statistics(&plane, "delay", "");
    let [entry] = &entries[..] else { panic!("expected one entry, got {entries:?}") };
    assert_eq!((entry.name.as_str(), entry.version.as_str()), ("delay", "2"));
    assert_eq!((entry.inference_count, entry.execution_count, entry.last_inference), (7, 2, 7));
    let stats = entry.inference_stats.expect("every entry has them");
    let pair = |duration: Option<oip::StatisticDuration>| duration.map(|one| (one.count, one.ns));
    assert_eq!(pair(stats.success), Some((3, 120_000)));
    assert_eq!(pair(stats.fail), Some((2, 10_000)));
    assert_eq!(pair(stats.queue), Some((3, 3_000)));
    assert_eq!(pair(stats.compute_infer), Some((3, 90_000)));
    assert_eq!(entry.batch_stats.iter().map(|batch| batch.batch_size).collect::<Vec<_>>(), [1, 6]);
}

#[test]
fn a_named_version_has_the_counters_of_its_arm_alone() {
    let plane = plane();
    serve_some(&plane);
    let entries = statistics(&plane, "delay", "10");
    let [entry] = &entries[..] else { panic!("expected one entry, got {entries:?}") };
    assert_eq!((entry.version.as_str(), entry.inference_count, entry.execution_count), ("10", 1, 1));
    assert_eq!(entry.inference_stats.and_then(|stats| stats.fail).map(|fail| fail.count), Some(1));
}

#[test]
fn every_version_in_the_statistics_reads_as_a_number_and_every_name_is_there() {
    let entries = statistics(&plane(), "", "");
    let names: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.version.as_str())).collect();
    assert_eq!(names, [("delay", "2"), ("flight", "2"), ("flight", "10"), ("single", "3")]);
}

#[test]
fn the_whole_is_never_less_than_its_parts() {
    let plane = plane();
    let snapshot = plane.snapshot();
    let phases = Phases { queue: 1_000, input: 2_000, infer: 30_000, output: 4_000 };
    snapshot.targets["single"].arms[0].series.answered(0, 1, &phases, 1, 1);
    let stats = statistics(&plane, "single", "")[0].inference_stats.expect("every entry has them");
    assert_eq!(stats.success.map(|success| success.ns), Some(37_000));
}

#[test]
fn a_version_without_a_name_is_refused_in_statistics() {
    let asked = oip::ModelStatisticsRequest { name: String::new(), version: "1".to_owned() };
    assert_eq!(fault(&plane(), "ModelStatistics", &asked).reason, Reason::InvalidParameter);
}

#[test]
fn the_index_shows_every_version_with_its_state_or_the_ready_ones_alone() {
    let plane = plane();
    let index = |ready| {
        let asked = oip::RepositoryIndexRequest { repository_name: String::new(), ready };
        ask::<oip::RepositoryIndexResponse>(&plane, "RepositoryIndex", &asked).models
    };
    let all = index(false);
    assert_eq!(all.len(), 5);
    assert_eq!((all[0].state.as_str(), all[0].reason.as_str()), ("UNAVAILABLE", "not an ONNX model"));
    assert!(index(true).iter().all(|entry| entry.state == "READY" && entry.reason.is_empty()));
    assert_eq!(index(true).len(), 3);
}

#[test]
fn loading_is_for_the_document_and_kserves_dialect_is_told_so() {
    let plane = plane();
    let asked = oip::RepositoryModelLoadRequest { model_name: "flight".to_owned(), ..Default::default() };
    let refused = fault(&plane, "RepositoryModelLoad", &asked);
    assert_eq!(refused.reason, Reason::AdminOnly);
    assert!(refused.message.contains("gateway document") && !refused.message.contains("KServe"));
    let asked = oip::RepositoryModelUnloadRequest { repository_name: "flight".to_owned(), ..Default::default() };
    let refused = fault(&plane, "RepositoryModelUnload", &asked);
    assert_eq!(refused.reason, Reason::WrongDialect);
    assert!(refused.message.contains("KServe") && refused.message.contains("are unloaded by"), "{}", refused.message);
}

#[test]
fn settings_may_be_read_and_not_set() {
    let plane = plane();
    let trace: oip::TraceSettingResponse = ask(&plane, "TraceSetting", &oip::TraceSettingRequest::default());
    assert_eq!(trace.settings["trace_level"].value, ["OFF"]);
    let log: oip::LogSettingsResponse = ask(&plane, "LogSettings", &oip::LogSettingsRequest::default());
    assert_eq!(log.settings.len(), 6);
    let settings = BTreeMap::from([("trace_level".to_owned(), oip::trace_setting_request::SettingValue::default())]);
    let asked = oip::TraceSettingRequest { settings, model_name: String::new() };
    assert_eq!(fault(&plane, "TraceSetting", &asked).reason, Reason::AdminOnly);
    let settings = BTreeMap::from([("log_info".to_owned(), oip::log_settings_request::SettingValue::default())]);
    assert_eq!(fault(&plane, "LogSettings", &oip::LogSettingsRequest { settings }).reason, Reason::AdminOnly);
    let asked = oip::TraceSettingRequest { model_name: "nobody".to_owned(), ..Default::default() };
    assert_eq!(fault(&plane, "TraceSetting", &asked).reason, Reason::UnknownModel);
}

#[test]
fn shared_memory_has_no_regions_and_takes_none() {
    let plane = plane();
    let status: oip::SystemSharedMemoryStatusResponse =
        ask(&plane, "SystemSharedMemoryStatus", &oip::SystemSharedMemoryStatusRequest::default());
    assert!(status.regions.is_empty());
    assert!(call(&plane, &Permit::default(), "CudaSharedMemoryUnregister", Bytes::new()).is_ok());
    let asked = oip::SystemSharedMemoryRegisterRequest { name: "region".to_owned(), ..Default::default() };
    assert_eq!(fault(&plane, "SystemSharedMemoryRegister", &asked).reason, Reason::SharedMemoryDisabled);
}
