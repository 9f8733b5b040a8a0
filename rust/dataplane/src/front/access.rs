//! The caller's key: read from the metadata of a call, and taken out of it before anybody else looks.

use crate::drive::keys::{Keys, Permit};
use crate::drive::plane::Plane;
use http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use std::cell::RefCell;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use tidegate_core::fault::{Fault, Reason};

/// How the value of `authorization` begins, in any case.
const SCHEME: &[u8] = b"bearer ";

/// What a connection knows of its caller. Callers send the same value with each call, so that the value which was right
/// last is compared before anything is computed.
#[derive(Default)]
pub struct Access(RefCell<Option<Known>>);

struct Known {
    keys: Arc<Keys>,
    value: HeaderValue,
    permit: Permit,
}

/// Takes the caller's credential out of the metadata: conditions, sticky keys and logs never see it.
pub fn take_credential(headers: &mut HeaderMap) -> Option<HeaderValue> {
    headers.remove(header::AUTHORIZATION)
}

impl Access {
    /// What the caller of `credential` may do, by the keys of this moment.
    ///
    /// # Errors
    /// There are keys, and the caller has none of them.
    pub fn permit(&self, plane: &Plane, credential: Option<&HeaderValue>, peer: &str) -> Result<Permit, Fault> {
        let keys = plane.keys.load();
        if keys.is_open() {
            return Ok(Permit::default());
        }
        let Some(credential) = credential else {
            return Err(refuse(plane, peer, Reason::MissingKey, MISSING));
        };
        let mut known = self.0.borrow_mut();
        if let Some(known) = &*known
            && Arc::ptr_eq(&known.keys, &keys)
            && bool::from(known.value.as_bytes().ct_eq(credential.as_bytes()))
        {
            return Ok(known.permit.clone());
        }
        let token = token_of(credential).ok_or_else(|| refuse(plane, peer, Reason::MissingKey, MISSING))?;
        let key = keys.find(token).ok_or_else(|| refuse(plane, peer, Reason::UnknownKey, UNKNOWN))?;
        let permit = Permit::of(key);
        *known = Some(Known { keys: Arc::clone(&keys), value: credential.clone(), permit: permit.clone() });
        Ok(permit)
    }
}

const MISSING: &str = "this gateway answers callers with a key only; send it as the metadata entry \"authorization\" with \
                       the value \"Bearer <token>\"";
const UNKNOWN: &str = "the token in the metadata entry \"authorization\" is no key of this gateway";

fn token_of(credential: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = credential.as_bytes().split_at_checked(SCHEME.len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty()).then_some(token)
}

fn refuse(plane: &Plane, peer: &str, reason: Reason, sentence: &str) -> Fault {
    plane.log.often("key_refused", &[("reason", json!(reason.name())), ("peer", json!(peer))]);
    Fault::new(reason, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_told_from_everything_else() {
        let token = |text: &'static str| token_of(&HeaderValue::from_static(text)).map(<[u8]>::to_vec);
        assert_eq!(token("Bearer abc"), Some(b"abc".to_vec()));
        assert_eq!(token("bearer  abc "), Some(b"abc".to_vec()));
        for other in ["", "abc", "Bearer", "Bearer ", "Basic abc", "Bearerabc"] {
            assert_eq!(token(other), None, "{other:?}");
        }
    }
}
