//! Server reflection: what grpcurl and its kin ask before they call. v1 and v1alpha are the same on the wire.

#[cfg(test)]
mod tests;

use super::body::{Broken, Step};
use super::connection::{Call, until_deadline, until_draining};
use super::grpc;
use crate::drive::plane::Held;
use bytes::Bytes;
use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::LazyLock;
use std::time::Duration;
use tidegate_core::fault::{Code, Fault, Reason, quoted};
use tidegate_core::oip::messages::DESCRIPTORS;
use tidegate_core::oip::messages::reflection::server_reflection_request::MessageRequest as Asked;
use tidegate_core::oip::messages::reflection::server_reflection_response::MessageResponse as Answer;
use tidegate_core::oip::messages::reflection::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};

static REFLECTION: LazyLock<Reflection> =
    LazyLock::new(|| Reflection::new(DESCRIPTORS).expect("the build writes a FileDescriptorSet"));

/// Answers one message of a stream; see [`Reflection::answer`].
pub fn answer(message: Bytes) -> Result<Bytes, Fault> {
    REFLECTION.answer(message)
}

/// Serves a call: each request gets its answer, until the caller, its deadline or the gateway ends the stream.
pub fn serve(call: Call) {
    tokio::task::spawn_local(run(call));
}

async fn run(call: Call) {
    let Call { reactor, timeout, mut messages, mut respond, .. } = call;
    let Ok(mut out) = respond.send_response(grpc::head(None), false) else { return };
    let mut held = Held::bytes_only(&reactor.plane);
    let idle = Duration::from_millis(reactor.plane.document.limits.idle_body_timeout_ms);
    let mut draining = pin!(until_draining(&reactor));
    let mut timed_out = pin!(until_deadline(timeout));
    let end = loop {
        let step = tokio::select! {
            biased;
            fault = &mut draining => break Err(fault),
            fault = &mut timed_out => break Err(fault),
            reset = poll_fn(|cx| out.poll_reset(cx)) => { drop(reset); return }
            step = messages.step(&mut held, idle) => step,
        };
        match step {
            Ok(Step::More) => {}
            Ok(Step::Message(message)) => {
                let answer = match message.into_bytes(&mut held).and_then(answer) {
                    Ok(answer) => answer,
                    Err(fault) => break Err(fault),
                };
                held = Held::bytes_only(&reactor.plane);
                if !grpc::send(&mut out, grpc::frame(&answer)).await {
                    return;
                }
            }
            Ok(Step::End) => break Ok(()),
            Err(Broken::Fault(fault)) => break Err(fault),
            Err(Broken::Gone) => return,
        }
    };
    let trailers = end.map_or_else(|fault| grpc::fault_trailers(&fault, None), |()| grpc::ok_trailers());
    drop(out.send_trailers(trailers));
}

/// Every proto file that is served, ready to be handed out.
pub struct Reflection {
    files: Vec<File>,
    by_name: HashMap<String, usize>,
    /// Which file declares a fully qualified name: services, methods, messages, enums, nested ones too.
    by_symbol: HashMap<String, usize>,
    messages: HashSet<String>,
    services: Vec<String>,
}

struct File {
    descriptor: Bytes,
    imports: Vec<String>,
}

impl Reflection {
    /// Indexes a serialized `FileDescriptorSet`, such as `tidegate_core::oip::messages::DESCRIPTORS`.
    ///
    /// # Errors
    /// The bytes are no such set.
    pub fn new(descriptors: &[u8]) -> Result<Self, prost::DecodeError> {
        let set = FileDescriptorSet::decode(descriptors)?;
        let mut own = Self {
            files: Vec::with_capacity(set.file.len()),
            by_name: HashMap::new(),
            by_symbol: HashMap::new(),
            messages: HashSet::new(),
            services: Vec::new(),
        };
        for file in set.file {
            let at = own.files.len();
            own.by_name.insert(file.name().to_owned(), at);
            let package = file.package();
            for service in &file.service {
                let name = qualified(package, service.name());
                for method in &service.method {
                    own.by_symbol.insert(qualified(&name, method.name()), at);
                }
                own.by_symbol.insert(name.clone(), at);
                own.services.push(name);
            }
            file.message_type.iter().for_each(|message| own.add_message(package, message, at));
            own.add_enums(package, &file.enum_type, at);
            own.files.push(File { descriptor: file.encode_to_vec().into(), imports: file.dependency });
        }
        own.services.sort();
        Ok(own)
    }

    fn add_message(&mut self, scope: &str, message: &DescriptorProto, at: usize) {
        let name = qualified(scope, message.name());
        message.nested_type.iter().for_each(|nested| self.add_message(&name, nested, at));
        self.add_enums(&name, &message.enum_type, at);
        self.messages.insert(name.clone());
        self.by_symbol.insert(name, at);
    }

    fn add_enums(&mut self, scope: &str, enums: &[EnumDescriptorProto], at: usize) {
        self.by_symbol.extend(enums.iter().map(|own| (qualified(scope, own.name()), at)));
    }

    /// Answers one `ServerReflectionRequest` with one `ServerReflectionResponse`, both without their frames. What is
    /// not found is an answer too, so that the stream goes on.
    ///
    /// # Errors
    /// The message is no such request.
    pub fn answer(&self, message: Bytes) -> Result<Bytes, Fault> {
        let request = ServerReflectionRequest::decode(message).map_err(|error| {
            let text = format!("the message is not a ServerReflectionRequest: {error}");
            Fault::new(Reason::MalformedMessage, text)
        })?;
        let answer = match &request.message_request {
            None => {
                let text = "the request asks nothing; set one field of message_request";
                refusal(Code::InvalidArgument, text.to_owned())
            }
            Some(asked) => self.reply(asked),
        };
        let response = ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response: Some(answer),
        };
        Ok(response.encode_to_vec().into())
    }

    fn reply(&self, asked: &Asked) -> Answer {
        match asked {
            Asked::ListServices(_) => {
                let service = self.services.iter().map(|name| ServiceResponse { name: name.clone() }).collect();
                Answer::ListServicesResponse(ListServiceResponse { service })
            }
            Asked::FileByFilename(name) => match self.by_name.get(name) {
                Some(&at) => self.with_imports(at),
                None => not_found(&format!("file \"{}\"", quoted(name))),
            },
            Asked::FileContainingSymbol(symbol) => {
                // Some clients write the leading dot of descriptors.
                match self.by_symbol.get(symbol.strip_prefix('.').unwrap_or(symbol)) {
                    Some(&at) => self.with_imports(at),
                    None => not_found(&format!("symbol \"{}\"", quoted(symbol))),
                }
            }
            Asked::FileContainingExtension(asked) => {
                let (name, number) = (quoted(&asked.containing_type), asked.extension_number);
                not_found(&format!("extension {number} of \"{name}\""))
            }
            Asked::AllExtensionNumbersOfType(name) => {
                if !self.messages.contains(name.strip_prefix('.').unwrap_or(name)) {
                    return not_found(&format!("message \"{}\"", quoted(name)));
                }
                let (base_type_name, extension_number) = (name.clone(), Vec::new());
                Answer::AllExtensionNumbersResponse(ExtensionNumberResponse { base_type_name, extension_number })
            }
        }
    }

    /// A file and all that it imports, each once, the file first.
    fn with_imports(&self, at: usize) -> Answer {
        let mut wanted = vec![at];
        let mut next = 0;
        while let Some(&at) = wanted.get(next) {
            for import in &self.files[at].imports {
                match self.by_name.get(import) {
                    Some(found) if !wanted.contains(found) => wanted.push(*found),
                    _ => {}
                }
            }
            next += 1;
        }
        let file_descriptor_proto = wanted.into_iter().map(|at| self.files[at].descriptor.clone()).collect();
        Answer::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto })
    }
}

fn qualified(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

fn not_found(what: &str) -> Answer {
    refusal(Code::NotFound, format!("there is no {what} among the proto files of this server"))
}

fn refusal(code: Code, error_message: String) -> Answer {
    Answer::ErrorResponse(ErrorResponse { error_code: code as i32, error_message })
}
