//! ONNX Runtime through its C API: the one file of unsafe code in the data plane.
//!
//! The library is the one inside the `onnxruntime` wheel, loaded at run time. One session serves all threads; each
//! thread has a [`Worker`] with tensors bound to its own 64-byte aligned buffers, one set per shape, so that a run copies
//! rows in and hands out what lies in the output buffers.
//!
//! Every `unsafe` block relies on the same facts, said once here: the function table comes from the library for the API
//! version we declare and lives as long as the process (the library is never unloaded); handles are created by the
//! library, owned by exactly one wrapper, released once; `OrtSession::Run` may be called from any number of threads.
#![allow(unsafe_code)]

mod elements;
mod options;
mod worker;

use super::{Artifact, Batch, LoadOptions, Model, Outputs, Runtime, Worker};
use elements::{datatype_of, element_type, not_a_tensor, readable};
use ort_sys as sys;
use std::alloc::Layout;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use tidegate_core::document::Arena;
use tidegate_core::oip::answer::Elements;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use worker::OnnxWorker;

/// The API that our declarations describe. Newer libraries still serve it.
const API_VERSION: u32 = sys::ORT_API_VERSION;
/// ONNX Runtime's kernels like cache lines.
const ALIGNMENT: usize = 64;

/// The library, its environment, and what all sessions share.
pub struct OnnxRuntime {
    shared: Arc<Shared>,
    pub version: String,
}

struct Shared {
    api: &'static sys::OrtApi,
    env: NonNull<sys::OrtEnv>,
    memory: NonNull<sys::OrtMemoryInfo>,
    allocator: NonNull<sys::OrtAllocator>,
    pooled: bool,
}

// SAFETY: the environment, the memory description and the default allocator are documented as thread-safe.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

impl OnnxRuntime {
    /// Loads the library. `pool_threads` > 1 makes the pool that models with several intra-op threads share.
    ///
    /// # Errors
    /// The sentence to show: the library is missing, is none, or is too old.
    pub fn open(library: &Path, pool_threads: u32) -> Result<Self, String> {
        let shown = library.display();
        // SAFETY: loading runs the library's initialisers; it is the file the operator's environment installed.
        let loaded = unsafe { libloading::Library::new(library) }
            .map_err(|error| format!("cannot load ONNX Runtime from {shown}: {error}; install tidegate[serve]"))?;
        // SAFETY: the symbol's type is that of the C header; the library is leaked, so the table stays valid.
        let base = unsafe {
            let entry = loaded
                .get::<unsafe extern "system" fn() -> *const sys::OrtApiBase>(b"OrtGetApiBase\0")
                .map_err(|_| format!("{shown} is not ONNX Runtime: it exports no OrtGetApiBase"))?;
            &*entry()
        };
        // SAFETY: both functions take no pointers of ours.
        let (version, table) = unsafe {
            let version = CStr::from_ptr((base.GetVersionString)()).to_string_lossy().into_owned();
            (version, (base.GetApi)(API_VERSION))
        };
        std::mem::forget(loaded);
        // SAFETY: null or a table that lives as long as the library.
        let api = unsafe { table.as_ref() }.ok_or_else(|| {
            format!(
                "ONNX Runtime {version} at {shown} does not offer API version {API_VERSION}; \
                 supported are onnxruntime 1.{API_VERSION} and later 1.x"
            )
        })?;
        let shared = Shared::create(api, pool_threads).map_err(|error| format!("ONNX Runtime {version}: {error}"))?;
        Ok(Self { shared: Arc::new(shared), version })
    }
}

/// Heaps that the C allocator may keep: one a thread would multiply what lies idle by the number of threads.
const HEAPS: i32 = 4;

/// Tells the C allocator to keep few heaps; to be called before there are threads.
pub fn share_heaps() {
    // SAFETY: takes no pointers; a setting of the allocator that it may refuse.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, HEAPS) };
}

/// Gives memory that loading took and freed back to the system.
pub fn trim_memory() {
    // SAFETY: takes no pointers; documented as thread-safe.
    unsafe { libc::malloc_trim(0) };
}

impl Shared {
    fn create(api: &'static sys::OrtApi, pool_threads: u32) -> Result<Self, String> {
        let pooled = pool_threads > 1;
        // Errors come back as values; the library's own lines would break the format of the log, once per bad request.
        let level = sys::OrtLoggingLevel::ORT_LOGGING_LEVEL_FATAL;
        let name = c"tidegate".as_ptr();
        // SAFETY: see the head of this file.
        unsafe {
            let mut env = ptr::null_mut();
            if pooled {
                let mut threading = ptr::null_mut();
                check(api, (api.CreateThreadingOptions)(&raw mut threading))?;
                let made = check(api, (api.SetGlobalIntraOpNumThreads)(threading, pool_threads as c_int))
                    .and_then(|()| check(api, (api.SetGlobalInterOpNumThreads)(threading, 1)))
                    .and_then(|()| check(api, (api.SetGlobalSpinControl)(threading, 0)))
                    .and_then(|()| {
                        check(api, (api.CreateEnvWithGlobalThreadPools)(level, name, threading, &raw mut env))
                    });
                (api.ReleaseThreadingOptions)(threading);
                made?;
            } else {
                check(api, (api.CreateEnv)(level, name, &raw mut env))?;
            }
            check(api, (api.DisableTelemetryEvents)(env))?;
            let mut memory = ptr::null_mut();
            let (kind, place) = (sys::OrtAllocatorType::OrtDeviceAllocator, sys::OrtMemType::OrtMemTypeDefault);
            check(api, (api.CreateCpuMemoryInfo)(kind, place, &raw mut memory))?;
            let mut allocator = ptr::null_mut();
            check(api, (api.GetAllocatorWithDefaultOptions)(&raw mut allocator))?;
            Ok(Self { api, env: some(env)?, memory: some(memory)?, allocator: some(allocator)?, pooled })
        }
    }
}

fn some<T>(pointer: *mut T) -> Result<NonNull<T>, String> {
    NonNull::new(pointer).ok_or_else(|| "the library returned no object".to_owned())
}

/// Turns a status into its message and frees it.
///
/// # Safety
/// `status` comes from a call of this table and is used nowhere else.
unsafe fn check(api: &sys::OrtApi, status: sys::OrtStatusPtr) -> Result<(), String> {
    if status.0.is_null() {
        return Ok(());
    }
    // SAFETY: non-null, ours, freed once.
    unsafe {
        let message = readable(&CStr::from_ptr((api.GetErrorMessage)(status.0)).to_string_lossy());
        (api.ReleaseStatus)(status.0);
        Err(message)
    }
}

impl Runtime for OnnxRuntime {
    fn load(&self, artifact: &Artifact, load: LoadOptions<'_>) -> Result<Box<dyn Model>, String> {
        let session = Session::create(&self.shared, artifact, load)?;
        let signature = session.signature()?;
        let names = |specs: &[TensorSpec]| {
            specs.iter().map(|spec| CString::new(spec.name.as_str()).unwrap_or_default()).collect::<Vec<_>>()
        };
        let (inputs, outputs) = (names(&signature.inputs), names(&signature.outputs));
        let options = RunOptions::create(&self.shared, load.arena)?;
        Ok(Box::new(OnnxModel {
            core: Arc::new(ModelCore { session, options, inputs, outputs }),
            signature: Arc::new(signature),
        }))
    }
}

struct Session {
    shared: Arc<Shared>,
    raw: NonNull<sys::OrtSession>,
}

// SAFETY: a session is immutable for its users, and `Run` is thread-safe.
unsafe impl Send for Session {}
unsafe impl Sync for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: owned, released once; no run is under way, for runs borrow it.
        unsafe { (self.shared.api.ReleaseSession)(self.raw.as_ptr()) };
    }
}

impl Session {
    fn create(shared: &Arc<Shared>, artifact: &Artifact, load: LoadOptions<'_>) -> Result<Self, String> {
        let api = shared.api;
        // SAFETY: see the head of this file; ONNX Runtime copies the model and the external data while it creates the session.
        unsafe {
            let mut options = ptr::null_mut();
            check(api, (api.CreateSessionOptions)(&raw mut options))?;
            let made = options::set(shared, options, load)
                .and_then(|()| Self::add_external(api, options, artifact))
                .and_then(|()| {
                    let mut raw = ptr::null_mut();
                    let (bytes, length) = (artifact.model.as_ptr().cast::<c_void>(), artifact.model.len());
                    check(
                        api,
                        (api.CreateSessionFromArray)(shared.env.as_ptr(), bytes, length, options, &raw mut raw),
                    )?;
                    some(raw)
                });
            (api.ReleaseSessionOptions)(options);
            let raw = made.map_err(|error| options::explain(load, error))?;
            Ok(Self { shared: Arc::clone(shared), raw })
        }
    }

    /// Hands over external data by name, so that the verified bytes are the loaded bytes.
    unsafe fn add_external(
        api: &sys::OrtApi,
        options: *mut sys::OrtSessionOptions,
        artifact: &Artifact,
    ) -> Result<(), String> {
        if artifact.external.is_empty() {
            return Ok(());
        }
        let names: Vec<CString> =
            artifact.external.iter().map(|(name, _)| CString::new(name.as_str()).unwrap_or_default()).collect();
        let names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let buffers: Vec<*mut c_char> =
            artifact.external.iter().map(|(_, bytes)| bytes.as_ptr().cast_mut().cast()).collect();
        let lengths: Vec<usize> = artifact.external.iter().map(|(_, bytes)| bytes.len()).collect();
        // SAFETY: the arrays live until the call returns, the buffers until the session is made.
        unsafe {
            let (names, buffers, lengths, count) = (names.as_ptr(), buffers.as_ptr(), lengths.as_ptr(), names.len());
            check(api, (api.AddExternalInitializersFromMemory)(options, names, buffers, lengths, count))
        }
    }

    fn signature(&self) -> Result<Signature, String> {
        let api = self.shared.api;
        let raw = self.raw.as_ptr();
        // SAFETY: indices stay below the counts that the session itself reports.
        unsafe {
            let (mut inputs, mut outputs) = (0, 0);
            check(api, (api.SessionGetInputCount)(raw, &raw mut inputs))?;
            check(api, (api.SessionGetOutputCount)(raw, &raw mut outputs))?;
            let inputs = (0..inputs)
                .map(|index| self.spec("input", index, api.SessionGetInputName, api.SessionGetInputTypeInfo));
            let outputs = (0..outputs)
                .map(|index| self.spec("output", index, api.SessionGetOutputName, api.SessionGetOutputTypeInfo));
            Ok(Signature { inputs: inputs.collect::<Result<_, _>>()?, outputs: outputs.collect::<Result<_, _>>()? })
        }
    }

    unsafe fn spec(&self, kind: &str, index: usize, name_of: NameOf, type_of: TypeOf) -> Result<TensorSpec, String> {
        let (api, raw, allocator) = (self.shared.api, self.raw.as_ptr(), self.shared.allocator.as_ptr());
        // SAFETY: the name is the allocator's, the type information is freed below.
        unsafe {
            let mut text = ptr::null_mut();
            check(api, name_of(raw, index, allocator, &raw mut text))?;
            let name = CStr::from_ptr(text).to_string_lossy().into_owned();
            check(api, (api.AllocatorFree)(allocator, text.cast()))?;
            let mut info = ptr::null_mut();
            check(api, type_of(raw, index, &raw mut info))?;
            let tensor = self.tensor_type(kind, &name, info);
            (api.ReleaseTypeInfo)(info);
            let (datatype, dims, axes) = tensor?;
            Ok(TensorSpec { name, datatype, dims, axes })
        }
    }

    unsafe fn tensor_type(
        &self,
        kind: &str,
        name: &str,
        info: *mut sys::OrtTypeInfo,
    ) -> Result<(Datatype, Vec<i64>, Vec<String>), String> {
        let api = self.shared.api;
        // SAFETY: `info` is alive; `tensor` borrows from it. Enums come in as integers, for a newer library may know more.
        unsafe {
            let mut onnx_type: c_int = 0;
            check(api, (api.GetOnnxTypeFromTypeInfo)(info, (&raw mut onnx_type).cast()))?;
            if onnx_type != sys::ONNXType::ONNX_TYPE_TENSOR as c_int {
                return Err(not_a_tensor(kind, name));
            }
            let mut tensor = ptr::null();
            check(api, (api.CastTypeInfoToTensorInfo)(info, &raw mut tensor))?;
            let mut element: c_int = 0;
            check(api, (api.GetTensorElementType)(tensor, (&raw mut element).cast()))?;
            let datatype = datatype_of(element).ok_or_else(|| {
                format!("{kind} \"{name}\" has ONNX element type {element}, which the protocol cannot carry")
            })?;
            let mut rank = 0;
            check(api, (api.GetDimensionsCount)(tensor, &raw mut rank))?;
            let mut dims = vec![0; rank];
            check(api, (api.GetDimensions)(tensor, dims.as_mut_ptr(), rank))?;
            let mut texts = vec![ptr::null(); rank];
            check(api, (api.GetSymbolicDimensions)(tensor, texts.as_mut_ptr(), rank))?;
            let axes =
                texts
                    .into_iter()
                    .map(|text| {
                        if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
                    })
                    .collect();
            Ok((datatype, dims.into_iter().map(|dim: i64| dim.max(-1)).collect(), axes))
        }
    }
}

type NameOf = unsafe extern "system" fn(
    *const sys::OrtSession,
    usize,
    *mut sys::OrtAllocator,
    *mut *mut c_char,
) -> sys::OrtStatusPtr;
type TypeOf = unsafe extern "system" fn(*const sys::OrtSession, usize, *mut *mut sys::OrtTypeInfo) -> sys::OrtStatusPtr;

/// What all runs of a model have in common: the flag that ends them.
struct RunOptions {
    shared: Arc<Shared>,
    raw: NonNull<sys::OrtRunOptions>,
    arena: Arena,
}

// SAFETY: runs only read the options; the flag that is set beside them is made for that.
unsafe impl Send for RunOptions {}
unsafe impl Sync for RunOptions {}

impl RunOptions {
    fn create(shared: &Arc<Shared>, arena: Arena) -> Result<Self, String> {
        let mut raw = ptr::null_mut();
        // SAFETY: see the head of this file.
        unsafe { check(shared.api, (shared.api.CreateRunOptions)(&raw mut raw))? };
        let options = Self { shared: Arc::clone(shared), raw: some(raw)?, arena };
        options.set_shrinking(false);
        Ok(options)
    }

    fn terminate(&self) {
        // SAFETY: alive; the library reads the flag between two operators.
        let set = unsafe { check(self.shared.api, (self.shared.api.RunOptionsSetTerminate)(self.raw.as_ptr())) };
        // Setting a flag cannot fail; if a library of tomorrow refuses, the run ends by itself.
        drop(set);
    }
}

impl RunOptions {
    /// Not while runs read the options: a version is warmed up before it serves. Without an arena there is nothing to give back.
    fn set_shrinking(&self, is_on: bool) {
        let is_on = self.arena.enabled && (is_on || self.arena.shrink);
        let (key, value) = (c"memory.enable_memory_arena_shrinkage", if is_on { c"cpu:0" } else { c"" });
        let api = self.shared.api;
        // SAFETY: alive; both strings are copied.
        let set = unsafe { check(api, (api.AddRunConfigEntry)(self.raw.as_ptr(), key.as_ptr(), value.as_ptr())) };
        // A library that does not know the entry keeps its memory, as it would have.
        drop(set);
    }
}

impl Drop for RunOptions {
    fn drop(&mut self) {
        // SAFETY: owned, released once; no run is under way, for runs borrow it.
        unsafe { (self.shared.api.ReleaseRunOptions)(self.raw.as_ptr()) };
    }
}

struct ModelCore {
    session: Session,
    options: RunOptions,
    inputs: Vec<CString>,
    outputs: Vec<CString>,
}

struct OnnxModel {
    core: Arc<ModelCore>,
    signature: Arc<Signature>,
}

impl Model for OnnxModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn worker(&self) -> Box<dyn Worker> {
        Box::new(OnnxWorker::new(&self.core, &self.signature))
    }

    fn terminate(&self) {
        self.core.options.terminate();
    }

    fn set_shrinking(&self, is_on: bool) {
        self.core.options.set_shrinking(is_on);
    }

    fn end_profile(&self) -> Result<PathBuf, String> {
        let (shared, session) = (&self.core.session.shared, &self.core.session);
        let allocator = shared.allocator.as_ptr();
        // SAFETY: the session is alive; the text is the allocator's and freed once.
        unsafe {
            let mut path = ptr::null_mut();
            check(shared.api, (shared.api.SessionEndProfiling)(session.raw.as_ptr(), allocator, &raw mut path))?;
            let written = PathBuf::from(OsStr::from_bytes(CStr::from_ptr(path).to_bytes()));
            check(shared.api, (shared.api.AllocatorFree)(allocator, path.cast()))?;
            Ok(written)
        }
    }
}

/// One tensor of the library.
struct Value {
    shared: Arc<Shared>,
    raw: NonNull<sys::OrtValue>,
}

// SAFETY: owned by one worker at a time; moving it between threads is allowed.
unsafe impl Send for Value {}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: owned, released once, before the buffer it may lie over (see `Bound`).
        unsafe { (self.shared.api.ReleaseValue)(self.raw.as_ptr()) };
    }
}

/// Memory for the elements of a tensor, aligned for the kernels.
struct Buffer {
    at: NonNull<u8>,
    length: usize,
}

// SAFETY: plain memory with one owner.
unsafe impl Send for Buffer {}

impl Buffer {
    fn layout(length: usize) -> Layout {
        Layout::from_size_align(length.max(1), ALIGNMENT).expect("tensors are limited to what an answer can hold")
    }

    fn new(length: usize) -> Result<Self, String> {
        // SAFETY: the layout has a size of at least one byte.
        let at = NonNull::new(unsafe { std::alloc::alloc_zeroed(Self::layout(length)) });
        let at = at.ok_or_else(|| format!("there is no memory for a tensor of {length} bytes"))?;
        Ok(Self { at, length })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: allocated and initialised for that length.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.length) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr(), self.length) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { std::alloc::dealloc(self.at.as_ptr(), Self::layout(self.length)) };
    }
}

/// A tensor of one shape, over a buffer of the worker's or, for strings, in the library's own memory.
struct Bound {
    value: Value,
    /// Bytes of the buffer that belong to this shape; `None` for strings.
    length: Option<usize>,
    dims: Vec<i64>,
}

impl Bound {
    /// Binds a tensor of that shape to the front of `buffer`, which must outlive it.
    fn new(shared: &Arc<Shared>, datatype: Datatype, dims: &[i64], buffer: &Buffer) -> Result<Self, String> {
        let api = shared.api;
        let element = element_type(datatype);
        let mut raw = ptr::null_mut();
        let length = bytes_of(datatype, dims);
        let (shape, rank) = (dims.as_ptr(), dims.len());
        // SAFETY: the buffer holds at least `length` bytes and goes after the tensor (see `OnnxWorker::bind`).
        unsafe {
            let status = match length {
                Some(length) => {
                    let (memory, at) = (shared.memory.as_ptr(), buffer.at.as_ptr().cast());
                    (api.CreateTensorWithDataAsOrtValue)(memory, at, length, shape, rank, element, &raw mut raw)
                }
                None => (api.CreateTensorAsOrtValue)(shared.allocator.as_ptr(), shape, rank, element, &raw mut raw),
            };
            check(api, status)?;
        }
        let value = Value { shared: Arc::clone(shared), raw: some(raw)? };
        Ok(Self { value, length, dims: dims.to_vec() })
    }

    /// Fills the tensor with the parts' elements, one after the other.
    fn fill(&mut self, index: usize, batch: Batch<'_>, buffer: &mut Buffer) -> Result<(), String> {
        let parts = batch.parts.iter().map(|part| part.plan.data(&part.plan.tensors[index], part.message));
        let Some(length) = self.length else { return self.fill_strings(parts) };
        let mut rest = &mut buffer.bytes_mut()[..length];
        for part in parts {
            let (own, after) = rest.split_at_mut(part.len());
            own.copy_from_slice(part);
            rest = after;
        }
        Ok(())
    }

    fn fill_strings<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>) -> Result<(), String> {
        let api = self.value.shared.api;
        let mut index = 0;
        for part in parts {
            let mut rest = part;
            while let Some((length, after)) = rest.split_first_chunk::<4>() {
                let (string, after) = after.split_at(u32::from_le_bytes(*length) as usize);
                let mut to = ptr::null_mut();
                // SAFETY: the library grows the element to that length and returns its place; validation counted the elements.
                unsafe {
                    let raw = self.value.raw.as_ptr();
                    check(api, (api.GetResizedStringTensorElementBuffer)(raw, index, string.len(), &raw mut to))?;
                    if !string.is_empty() {
                        ptr::copy_nonoverlapping(string.as_ptr(), to.cast(), string.len());
                    }
                }
                index += 1;
                rest = after;
            }
        }
        Ok(())
    }
}

/// Bytes of a tensor; `None` for strings.
fn bytes_of(datatype: Datatype, dims: &[i64]) -> Option<usize> {
    // Saturating: the product of a shape with a zero in it may overflow on the way.
    let elements = dims.iter().fold(1usize, |product, &dim| product.saturating_mul(dim as usize));
    datatype.size().map(|size| if dims.contains(&0) { 0 } else { elements.saturating_mul(size) })
}

/// Everything bound for one shape.
struct Binding {
    inputs: Vec<Bound>,
    /// `None` where the shape is known only after the run, or the elements are strings.
    outputs: Vec<Option<Bound>>,
}

/// What a run left behind.
#[derive(Default)]
struct Results {
    outputs: Vec<Found>,
}

struct Found {
    dims: Vec<i64>,
    elements: Kept,
}

enum Kept {
    /// In a bound buffer, whose worker keeps it until the next run.
    At(*const u8, usize),
    /// Copied from a tensor that the library allocated.
    Own(Vec<u8>),
    Strings {
        text: Vec<u8>,
        ends: Vec<usize>,
    },
}

// SAFETY: the pointers refer to memory that the same worker owns.
unsafe impl Send for Results {}

impl Outputs for Results {
    fn dims(&self, index: usize) -> &[i64] {
        &self.outputs[index].dims
    }

    fn elements(&self, index: usize) -> Elements<'_> {
        match &self.outputs[index].elements {
            // SAFETY: the worker keeps the buffer until its next run, and this borrow ends before.
            Kept::At(at, length) => Elements::Fixed(unsafe { std::slice::from_raw_parts(*at, *length) }),
            Kept::Own(bytes) => Elements::Fixed(bytes),
            Kept::Strings { text, ends } => Elements::Strings { text, start: 0, ends },
        }
    }
}

fn run(core: &ModelCore, binding: &mut Binding, signature: &Signature, buffers: &[Buffer]) -> Result<Results, String> {
    let shared = &core.session.shared;
    let api = shared.api;
    let input_names: Vec<_> = core.inputs.iter().map(|name| name.as_ptr()).collect();
    let output_names: Vec<_> = core.outputs.iter().map(|name| name.as_ptr()).collect();
    let inputs: Vec<_> = binding.inputs.iter().map(|input| input.value.raw.as_ptr().cast_const()).collect();
    let mut outputs: Vec<*mut sys::OrtValue> = binding
        .outputs
        .iter()
        .map(|output| output.as_ref().map_or(ptr::null_mut(), |bound| bound.value.raw.as_ptr()))
        .collect();
    // SAFETY: all arrays have the lengths passed; outputs that are null are allocated by the library.
    let status = unsafe {
        (api.Run)(
            core.session.raw.as_ptr(),
            core.options.raw.as_ptr(),
            input_names.as_ptr(),
            inputs.as_ptr(),
            inputs.len(),
            output_names.as_ptr(),
            output_names.len(),
            outputs.as_mut_ptr(),
        )
    };
    // Whatever the library allocated has an owner from here on, also if reading one of them fails.
    let allocated: Vec<Option<Value>> = outputs
        .iter()
        .zip(&binding.outputs)
        .map(|(&raw, bound)| {
            let raw = NonNull::new(raw).filter(|_| bound.is_none())?;
            Some(Value { shared: Arc::clone(shared), raw })
        })
        .collect();
    // SAFETY: the status is this call's.
    unsafe { check(api, status)? };
    let mut found = Vec::with_capacity(allocated.len());
    let outs = &buffers[binding.inputs.len()..];
    for (((value, bound), spec), buffer) in allocated.iter().zip(&binding.outputs).zip(&signature.outputs).zip(outs) {
        found.push(match (bound, value) {
            (Some(Bound { length: Some(length), dims, .. }), _) => {
                let bytes = &buffer.bytes()[..*length];
                Found { dims: dims.clone(), elements: Kept::At(bytes.as_ptr(), bytes.len()) }
            }
            (_, Some(value)) => read(value, spec)?,
            (_, None) => return Err(format!("the library returned no output \"{}\"", spec.name)),
        });
    }
    Ok(Results { outputs: found })
}

/// Copies out a tensor that the library allocated.
fn read(value: &Value, spec: &TensorSpec) -> Result<Found, String> {
    let api = value.shared.api;
    let raw = value.raw.as_ptr();
    // SAFETY: the tensor is alive; lengths are those that the library reports.
    unsafe {
        let mut is_tensor = 0;
        check(api, (api.IsTensor)(raw, &raw mut is_tensor))?;
        if is_tensor == 0 {
            return Err(not_a_tensor("output", &spec.name));
        }
        let mut info = ptr::null_mut();
        check(api, (api.GetTensorTypeAndShape)(raw, &raw mut info))?;
        let (mut rank, mut count) = (0, 0);
        let mut dims = Vec::new();
        let read = check(api, (api.GetDimensionsCount)(info, &raw mut rank)).and_then(|()| {
            dims.resize(rank, 0);
            check(api, (api.GetDimensions)(info, dims.as_mut_ptr(), rank))?;
            check(api, (api.GetTensorShapeElementCount)(info, &raw mut count))
        });
        (api.ReleaseTensorTypeAndShapeInfo)(info);
        read?;
        let elements = match spec.datatype.size() {
            Some(size) => {
                let mut data = ptr::null_mut();
                check(api, (api.GetTensorMutableData)(raw, &raw mut data))?;
                // The library's memory goes with the value; what leaves is ours.
                let bytes =
                    if count == 0 { &[][..] } else { std::slice::from_raw_parts(data.cast::<u8>(), count * size) };
                Kept::Own(bytes.to_vec())
            }
            None => {
                let mut length = 0;
                check(api, (api.GetStringTensorDataLength)(raw, &raw mut length))?;
                let (mut text, mut starts) = (vec![0u8; length.max(1)], vec![0usize; count]);
                if count > 0 {
                    check(
                        api,
                        (api.GetStringTensorContent)(raw, text.as_mut_ptr().cast(), length, starts.as_mut_ptr(), count),
                    )?;
                }
                let ends = starts.iter().copied().skip(1).chain((count > 0).then_some(length)).collect();
                Kept::Strings { text, ends }
            }
        };
        Ok(Found { dims, elements })
    }
}

#[cfg(test)]
mod tests;
