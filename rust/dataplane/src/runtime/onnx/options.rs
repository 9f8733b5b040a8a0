//! How a session is set up: threads, memory, and what its operators run on.

use super::{Shared, check, sys};
use crate::runtime::LoadOptions;
use std::ffi::{CStr, CString, c_char};
use std::os::unix::ffi::OsStrExt as _;
use std::ptr;
use tidegate_core::document::{CPU, Provider};

/// Runs on Azure's machines what is made for them, and takes no options.
const AZURE: &str = "AzureExecutionProvider";
const CUDA: &str = "CUDAExecutionProvider";
const TENSORRT: &str = "TensorrtExecutionProvider";

/// Sets everything but external data.
///
/// # Errors
/// A provider or an option of one that this runtime does not have, or what the library says.
///
/// # Safety
/// `options` is alive.
pub(super) unsafe fn set(
    shared: &Shared,
    options: *mut sys::OrtSessionOptions,
    load: LoadOptions<'_>,
) -> Result<(), String> {
    let api = shared.api;
    // SAFETY: as this function says; strings live until the calls return, which copy them.
    unsafe {
        let all = sys::GraphOptimizationLevel::ORT_ENABLE_ALL;
        check(api, (api.SetSessionGraphOptimizationLevel)(options, all))?;
        if load.intra_op_threads > 1 && shared.pooled {
            check(api, (api.DisablePerSessionThreads)(options))?;
        } else {
            check(api, (api.SetIntraOpNumThreads)(options, 1))?;
        }
        check(api, (api.SetInterOpNumThreads)(options, 1))?;
        if !load.arena.enabled {
            check(api, (api.DisableCpuMemArena)(options))?;
        }
        if !load.arena.pattern {
            check(api, (api.DisableMemPattern)(options))?;
        }
        let entry =
            |key: &CStr, value: &CStr| check(api, (api.AddSessionConfigEntry)(options, key.as_ptr(), value.as_ptr()));
        // A waiting pool must not burn the cores that serve other models.
        entry(c"session.intra_op.allow_spinning", c"0")?;
        if let Some(prefix) = load.profile {
            let prefix = text(prefix.as_os_str().as_bytes())?;
            check(api, (api.EnableProfiling)(options, prefix.as_ptr()))?;
        }
        if !load.providers.iter().any(|provider| provider.name == CPU) {
            // What is not named takes nothing, the processor included.
            entry(c"session.disable_cpu_ep_fallback", c"1")?;
        }
        let offered = offered(api)?;
        load.providers.iter().try_for_each(|provider| append(api, options, provider, &offered))
    }
}

/// What creating a session came to, in the words of a document where the library has words of its own.
pub(super) fn explain(load: LoadOptions<'_>, error: String) -> String {
    if !error.contains("fallback to CPU EP") {
        return error;
    }
    let named: Vec<_> = load.providers.iter().map(|provider| provider.name.as_str()).collect();
    format!("providers: it has operators that {} does not run; name {CPU} as the last", named.join(", "))
}

/// The providers that the library was built with, the most capable first.
fn offered(api: &sys::OrtApi) -> Result<Vec<String>, String> {
    let (mut names, mut count) = (ptr::null_mut(), 0);
    // SAFETY: the library makes as many texts as it says, and takes them back once.
    unsafe {
        check(api, (api.GetAvailableProviders)(&raw mut names, &raw mut count))?;
        let found =
            (0..count as usize).map(|at| CStr::from_ptr(*names.add(at)).to_string_lossy().into_owned()).collect();
        check(api, (api.ReleaseAvailableProviders)(names, count))?;
        Ok(found)
    }
}

/// By itself the library would run on the processor what it does not know, and say nothing.
unsafe fn append(
    api: &sys::OrtApi,
    options: *mut sys::OrtSessionOptions,
    provider: &Provider,
    offered: &[String],
) -> Result<(), String> {
    let name = provider.name.as_str();
    if !offered.iter().any(|known| known == name) {
        let offered = offered.join(", ");
        return Err(format!("providers: this ONNX Runtime does not offer {name}; it offers {offered}"));
    }
    if matches!(name, CPU | AZURE)
        && let Some(option) = provider.options.keys().next()
    {
        return Err(format!("providers: {name} takes no options, and has {option:?}; `arena` sets its memory"));
    }
    if name == CPU {
        // Always there, behind all others.
        return Ok(());
    }
    let texts = |texts: &mut dyn Iterator<Item = &String>| -> Result<Vec<CString>, String> {
        texts.map(|one| text(one.as_bytes())).collect()
    };
    let (keys, values) = (texts(&mut provider.options.keys())?, texts(&mut provider.options.values())?);
    let pointers = |texts: &[CString]| -> Vec<*const c_char> { texts.iter().map(|text| text.as_ptr()).collect() };
    let (keys, values) = (pointers(&keys), pointers(&values));
    let (keys, values, count) = (keys.as_ptr(), values.as_ptr(), provider.options.len());
    // SAFETY: the texts and both lists live until the calls return, which copy them; what is made is released once.
    let appended = unsafe {
        match name {
            // The general way does not know these two.
            CUDA => {
                let mut own = ptr::null_mut();
                check(api, (api.CreateCUDAProviderOptions)(&raw mut own)).and_then(|()| {
                    let done = check(api, (api.UpdateCUDAProviderOptions)(own, keys, values, count))
                        .and_then(|()| check(api, (api.SessionOptionsAppendExecutionProvider_CUDA_V2)(options, own)));
                    (api.ReleaseCUDAProviderOptions)(own);
                    done
                })
            }
            TENSORRT => {
                let mut own = ptr::null_mut();
                check(api, (api.CreateTensorRTProviderOptions)(&raw mut own)).and_then(|()| {
                    let done =
                        check(api, (api.UpdateTensorRTProviderOptions)(own, keys, values, count)).and_then(|()| {
                            check(api, (api.SessionOptionsAppendExecutionProvider_TensorRT_V2)(options, own))
                        });
                    (api.ReleaseTensorRTProviderOptions)(own);
                    done
                })
            }
            _ => {
                let name = text(name.as_bytes())?;
                check(api, (api.SessionOptionsAppendExecutionProvider)(options, name.as_ptr(), keys, values, count))
            }
        }
    };
    appended.map_err(|error| format!("providers: {name}: {error}"))
}

fn text(bytes: &[u8]) -> Result<CString, String> {
    CString::new(bytes).map_err(|_| format!("{} has a NUL", String::from_utf8_lossy(bytes)))
}
