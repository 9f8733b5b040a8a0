//! What goes wrong with a request, said once: code, reason, sentence.
//!
//! A [`Fault`] is what a caller gets instead of an answer. Its [`Reason`] is the stable, machine-readable part (the
//! `reason` of `google.rpc.ErrorInfo`), its message the sentence for a person: what was expected, what came, what to do
//! next. The reason alone decides the gRPC code. `docs/errors.md` is this table for readers.

use std::time::Duration;

/// The gRPC status codes that Tidegate answers with, by their number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    /// The name in the gRPC specification, as metrics and logs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Cancelled => "CANCELLED",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

macro_rules! reasons {
    ($($variant:ident $text:literal $code:ident,)*) => {
        /// Why a request got no answer. The text is part of the interface and never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($variant,)* }

        impl Reason {
            /// Every reason, in the order of `docs/errors.md`.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The `reason` of `google.rpc.ErrorInfo`.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$variant => $text,)* }
            }

            /// The gRPC code that goes with the reason.
            pub fn code(self) -> Code {
                match self { $(Reason::$variant => Code::$code,)* }
            }
        }
    };
}

reasons! {
    UnknownModel "UNKNOWN_MODEL" NotFound,
    UnknownVersion "UNKNOWN_VERSION" NotFound,
    VersionNotOnRoute "VERSION_NOT_ON_ROUTE" NotFound,
    UnknownService "UNKNOWN_SERVICE" NotFound,
    VersionUnavailable "VERSION_UNAVAILABLE" Unavailable,
    MalformedMessage "MALFORMED_MESSAGE" InvalidArgument,
    NoMessage "NO_MESSAGE" InvalidArgument,
    SeveralMessages "SEVERAL_MESSAGES" InvalidArgument,
    MissingInput "MISSING_INPUT" InvalidArgument,
    DuplicateInput "DUPLICATE_INPUT" InvalidArgument,
    UnknownInput "UNKNOWN_INPUT" InvalidArgument,
    UnknownOutput "UNKNOWN_OUTPUT" InvalidArgument,
    DuplicateOutput "DUPLICATE_OUTPUT" InvalidArgument,
    WrongDatatype "WRONG_DATATYPE" InvalidArgument,
    WrongRank "WRONG_RANK" InvalidArgument,
    WrongShape "WRONG_SHAPE" InvalidArgument,
    InvalidShape "INVALID_SHAPE" InvalidArgument,
    RawCountMismatch "RAW_COUNT_MISMATCH" InvalidArgument,
    RawLengthMismatch "RAW_LENGTH_MISMATCH" InvalidArgument,
    RawAndTyped "RAW_AND_TYPED" InvalidArgument,
    MissingContents "MISSING_CONTENTS" InvalidArgument,
    WrongContents "WRONG_CONTENTS" InvalidArgument,
    ContentsLengthMismatch "CONTENTS_LENGTH_MISMATCH" InvalidArgument,
    ContentsOutOfRange "CONTENTS_OUT_OF_RANGE" InvalidArgument,
    TruncatedBytes "TRUNCATED_BYTES" InvalidArgument,
    InvalidParameter "INVALID_PARAMETER" InvalidArgument,
    RuleBroken "RULE_BROKEN" InvalidArgument,
    WrongDialect "WRONG_DIALECT" InvalidArgument,
    InvalidTimeout "INVALID_TIMEOUT" InvalidArgument,
    InvalidCompression "INVALID_COMPRESSION" InvalidArgument,
    UnknownCompression "UNKNOWN_COMPRESSION" Unimplemented,
    UnknownMethod "UNKNOWN_METHOD" Unimplemented,
    UnsupportedParameter "UNSUPPORTED_PARAMETER" Unimplemented,
    SharedMemoryDisabled "SHARED_MEMORY_DISABLED" Unimplemented,
    MessageTooLarge "MESSAGE_TOO_LARGE" ResourceExhausted,
    QueueFull "QUEUE_FULL" ResourceExhausted,
    QueueBytesFull "QUEUE_BYTES_FULL" ResourceExhausted,
    BytesInFlight "BYTES_IN_FLIGHT" ResourceExhausted,
    AnswerTooLarge "ANSWER_TOO_LARGE" ResourceExhausted,
    DeadlineExpired "DEADLINE_EXPIRED" DeadlineExceeded,
    Cancelled "CANCELLED" Cancelled,
    Draining "DRAINING" Unavailable,
    DrainTimeout "DRAIN_TIMEOUT" Aborted,
    MissingKey "MISSING_KEY" Unauthenticated,
    UnknownKey "UNKNOWN_KEY" Unauthenticated,
    KeyDenied "KEY_DENIED" PermissionDenied,
    AdminOnly "ADMIN_ONLY" PermissionDenied,
    PinDenied "PIN_DENIED" PermissionDenied,
    ModelFailed "MODEL_FAILED" Internal,
    Internal "INTERNAL" Internal,
}

/// One field of the request that breaks a rule (`google.rpc.BadRequest.FieldViolation`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path in the message, such as `inputs[0].shape[1]`.
    pub field: String,
    /// What was expected and what came.
    pub description: String,
}

/// Why a caller gets no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub reason: Reason,
    pub message: String,
    pub violations: Vec<Violation>,
    /// When it makes sense to try again (`google.rpc.RetryInfo`); only on faults that a pause can cure.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A fault without a field.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), violations: Vec::new(), retry_after: None }
    }

    /// A fault of one field; the sentence serves as message and as description.
    pub fn of_field(reason: Reason, field: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            reason,
            violations: vec![Violation { field: field.into(), description: message.clone() }],
            message,
            retry_after: None,
        }
    }

    /// The same fault with advice when to try again.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// The gRPC code of the answer.
    pub fn code(&self) -> Code {
        self.reason.code()
    }
}

/// What a caller sent, cut to what a sentence can bear: 128 characters.
pub fn quoted(text: &str) -> &str {
    const MOST: usize = 128;
    text.char_indices().nth(MOST).map_or(text, |(end, _)| &text[..end])
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.code().name(), self.reason.name(), self.message)
    }
}

impl std::error::Error for Fault {}
