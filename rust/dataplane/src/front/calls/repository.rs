//! What the repository holds, and the settings that callers may read. What they may not change is refused with the
//! sentence that says who may: the gateway document.

use crate::drive::keys::Permit;
use crate::drive::snapshot::{IndexEntry, Snapshot};
use bytes::Bytes;
use std::collections::BTreeMap;
use tidegate_core::document::{Log, LogFormat, LogLevel};
use tidegate_core::fault::{Fault, Reason, quoted};
use tidegate_core::oip::messages::inference as oip;

/// Every version folder, of the models that the caller may ask, with its state.
pub(super) fn index(
    snapshot: &Snapshot,
    permit: &Permit,
    asked: &oip::RepositoryIndexRequest,
) -> Result<oip::RepositoryIndexResponse, Fault> {
    if !asked.repository_name.is_empty() {
        let text = "a gateway has one repository, and it has no name; leave repository_name empty";
        return Err(Fault::of_field(Reason::UnsupportedParameter, "repository_name", text));
    }
    let may_see = |entry: &&IndexEntry| permit.opens(&entry.model) && (entry.ready || !asked.ready);
    let entries = snapshot.index().iter().filter(may_see);
    let models = entries.map(|entry| oip::repository_index_response::ModelIndex {
        name: entry.model.clone(),
        version: entry.version.clone(),
        state: if entry.ready { "READY" } else { "UNAVAILABLE" }.to_owned(),
        reason: entry.reason.clone(),
    });
    Ok(oip::RepositoryIndexResponse { models: models.collect() })
}

/// Refuses to load: callers use what is served, the document says what that is.
pub(super) fn load(snapshot: &Snapshot, permit: &Permit, message: Bytes) -> Result<Bytes, Fault> {
    // A request may carry a whole model file. It is refused whatever it holds, so nothing of it is unpacked.
    if message.len() > super::LONGEST_MESSAGE {
        return Err(guarded("loaded"));
    }
    let asked: oip::RepositoryModelLoadRequest = super::read(message)?;
    Err(refused(snapshot, permit, "loaded", &asked.repository_name, &asked.model_name))
}

/// Refuses to unload; see [`load`].
pub(super) fn unload(snapshot: &Snapshot, permit: &Permit, message: Bytes) -> Result<Bytes, Fault> {
    let asked: oip::RepositoryModelUnloadRequest = super::read(message)?;
    Err(refused(snapshot, permit, "unloaded", &asked.repository_name, &asked.model_name))
}

fn refused(snapshot: &Snapshot, permit: &Permit, verb: &str, repository: &str, model: &str) -> Fault {
    // Who may not ask a name is not told whether it is there.
    let is_known = |name: &str| {
        let is_there = || snapshot.index().iter().any(|entry| entry.model == name);
        permit.opens(name) && (snapshot.targets.contains_key(name) || is_there())
    };
    if model.is_empty() && is_known(repository) {
        let text = format!(
            "the request has the model's name \"{}\" in field 1, which is repository_name here and model_name in KServe's \
             dialect of this message; and models are {verb} by the gateway document, not by callers",
            quoted(repository)
        );
        return Fault::of_field(Reason::WrongDialect, "repository_name", text);
    }
    guarded(verb)
}

fn guarded(verb: &str) -> Fault {
    let text = format!("models are {verb} by the gateway document (routes and versions), not by callers");
    Fault::new(Reason::AdminOnly, text)
}

/// The trace settings in force: there is no tracing, and a caller cannot switch it on.
pub(super) fn trace_setting(
    snapshot: &Snapshot,
    permit: &Permit,
    asked: &oip::TraceSettingRequest,
) -> Result<oip::TraceSettingResponse, Fault> {
    if !asked.model_name.is_empty() {
        permit.check(&asked.model_name)?;
        crate::drive::reactor::find_target(snapshot, &asked.model_name)?;
    }
    if let Some(name) = asked.settings.keys().next() {
        return Err(read_only("trace", name, "Tidegate records no traces"));
    }
    let off = oip::trace_setting_response::SettingValue { value: vec!["OFF".to_owned()] };
    Ok(oip::TraceSettingResponse { settings: BTreeMap::from([("trace_level".to_owned(), off)]) })
}

/// The log settings in force, under the names that Triton's clients know.
pub(super) fn log_settings(log: &Log, asked: &oip::LogSettingsRequest) -> Result<oip::LogSettingsResponse, Fault> {
    use oip::log_settings_response::SettingValue;
    use oip::log_settings_response::setting_value::ParameterChoice as Choice;
    if let Some(name) = asked.settings.keys().next() {
        return Err(read_only("log", name, "the gateway document sets format and level under `log`"));
    }
    let shows = |level: LogLevel| Choice::BoolParam(log.level <= level);
    let format = match log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let settings = [
        // Empty: standard error.
        ("log_file", Choice::StringParam(String::new())),
        ("log_info", shows(LogLevel::Info)),
        ("log_warning", shows(LogLevel::Warning)),
        ("log_error", shows(LogLevel::Error)),
        ("log_verbose_level", Choice::Uint32Param(u32::from(log.level == LogLevel::Debug))),
        ("log_format", Choice::StringParam(format.to_owned())),
    ];
    let settings = settings.map(|(name, choice)| (name.to_owned(), SettingValue { parameter_choice: Some(choice) }));
    Ok(oip::LogSettingsResponse { settings: BTreeMap::from(settings) })
}

fn read_only(kind: &str, name: &str, reason: &str) -> Fault {
    let text = format!("callers may read the {kind} settings, not set \"{}\": {reason}", quoted(name));
    Fault::of_field(Reason::AdminOnly, "settings", text)
}
