use super::{Answer, Asked, Reflection, ServerReflectionRequest, ServerReflectionResponse};
use bytes::Bytes;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use tidegate_core::fault::Reason;
use tidegate_core::oip::messages::DESCRIPTORS;
use tidegate_core::oip::messages::reflection::ExtensionRequest;

fn ask(asked: Option<Asked>) -> ServerReflectionResponse {
    let reflection = Reflection::new(DESCRIPTORS).expect("the build wrote the descriptors");
    let request = ServerReflectionRequest { host: "here".to_owned(), message_request: asked };
    let answer = reflection.answer(request.encode_to_vec().into()).expect("the request is well-formed");
    let response = ServerReflectionResponse::decode(answer).expect("the answer is a response");
    assert_eq!(response.original_request, Some(request));
    assert_eq!(response.valid_host, "here");
    response
}

fn files(asked: Asked) -> Vec<FileDescriptorProto> {
    match ask(Some(asked)).message_response {
        Some(Answer::FileDescriptorResponse(files)) => files
            .file_descriptor_proto
            .into_iter()
            .map(|file| FileDescriptorProto::decode(file).expect("a file is a FileDescriptorProto"))
            .collect(),
        other => panic!("expected files, got {other:?}"),
    }
}

fn names(asked: Asked) -> Vec<String> {
    files(asked).iter().map(|file| file.name().to_owned()).collect()
}

fn error_code(asked: Option<Asked>) -> i32 {
    match ask(asked).message_response {
        Some(Answer::ErrorResponse(error)) => error.error_code,
        other => panic!("expected an error, got {other:?}"),
    }
}

#[test]
fn every_service_is_listed() {
    let Some(Answer::ListServicesResponse(list)) = ask(Some(Asked::ListServices("*".to_owned()))).message_response
    else {
        panic!("expected a list")
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "inference.GRPCInferenceService",
        ]
    );
}

#[test]
fn a_file_comes_with_what_it_imports_and_each_once() {
    let expected = ["inference/open_inference.proto", "inference/model_config.proto"];
    assert_eq!(names(Asked::FileByFilename("inference/open_inference.proto".to_owned())), expected);
    let mut details = names(Asked::FileByFilename("google/rpc/status.proto".to_owned()));
    details.sort();
    details.dedup();
    assert!(details.iter().any(|name| name == "google/protobuf/any.proto"), "{details:?}");
}

#[test]
fn every_import_of_every_file_is_served() {
    let set = prost_types::FileDescriptorSet::decode(DESCRIPTORS).expect("the build wrote the descriptors");
    for file in set.file {
        let came = names(Asked::FileByFilename(file.name().to_owned()));
        assert_eq!(came[0], file.name());
        assert!(file.dependency.iter().all(|import| came.contains(import)), "{} came as {came:?}", file.name());
    }
}

#[test]
fn services_methods_messages_and_enums_are_found_by_their_full_name() {
    for (symbol, file) in [
        ("inference.GRPCInferenceService", "inference/open_inference.proto"),
        ("inference.GRPCInferenceService.ModelInfer", "inference/open_inference.proto"),
        (".inference.ModelInferRequest", "inference/open_inference.proto"),
        ("inference.ModelInferRequest.InferInputTensor", "inference/open_inference.proto"),
        ("inference.DataType", "inference/model_config.proto"),
        ("inference.ModelInstanceGroup.Kind", "inference/model_config.proto"),
        ("grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto"),
        ("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"),
    ] {
        assert_eq!(names(Asked::FileContainingSymbol(symbol.to_owned()))[0], file, "{symbol}");
    }
}

#[test]
fn what_is_not_there_is_an_answer_and_not_the_end_of_the_stream() {
    assert_eq!(error_code(Some(Asked::FileByFilename("no.proto".to_owned()))), 5);
    assert_eq!(error_code(Some(Asked::FileContainingSymbol("inference.Nobody".to_owned()))), 5);
    let extension = ExtensionRequest { containing_type: "inference.ModelConfig".to_owned(), extension_number: 1 };
    assert_eq!(error_code(Some(Asked::FileContainingExtension(extension))), 5);
    assert_eq!(error_code(Some(Asked::AllExtensionNumbersOfType("inference.Nobody".to_owned()))), 5);
    assert_eq!(error_code(None), 3);
}

#[test]
fn a_message_has_no_extensions() {
    let asked = Asked::AllExtensionNumbersOfType("inference.ModelConfig".to_owned());
    let Some(Answer::AllExtensionNumbersResponse(numbers)) = ask(Some(asked)).message_response else {
        panic!("expected numbers")
    };
    assert_eq!((numbers.base_type_name.as_str(), numbers.extension_number.len()), ("inference.ModelConfig", 0));
}

#[test]
fn a_malformed_request_is_refused() {
    let reflection = Reflection::new(DESCRIPTORS).expect("the build wrote the descriptors");
    let fault = reflection.answer(Bytes::from_static(&[0x1a, 0x7f])).expect_err("the length runs past the end");
    assert_eq!(fault.reason, Reason::MalformedMessage);
    assert!(Reflection::new(&[0x0a, 0x7f]).is_err());
}
