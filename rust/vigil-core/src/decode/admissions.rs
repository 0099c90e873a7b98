//! Which devices may send, and with which key. Fails closed: what cannot be compared does not match.

use hashbrown::{HashMap, HashSet};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorCode};
use crate::pb::registry::GetAdmissionsResponse;

type Hash = [u8; 32];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Enrolled without a key.
    None,
    /// SHA-256 of the key.
    Sha256(Hash),
    /// The registry's answer has no such hash: nothing matches it.
    Unusable,
}

#[derive(Debug, Clone, Copy)]
struct Admission {
    known: bool,
    active: bool,
    key: Key,
}

/// What became of a device's request to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may send.
    Admitted,
    /// It may not, and why.
    Refused(ErrorCode),
    /// The table does not hold it: the registry must be asked.
    Unknown,
}

/// What the registry said about devices.
#[derive(Debug)]
pub struct Admissions {
    require_keys: bool,
    allow_unknown: bool,
    devices: HashMap<Box<str>, Admission>,
    hub_keys: Vec<Key>,
}

/// The key of one request, hashed once.
#[derive(Debug, Clone, Copy)]
pub struct Credential {
    hash: Option<Hash>,
    is_hub: bool,
}

impl Admissions {
    /// An empty table. `require_keys` refuses devices enrolled without a key; `allow_unknown` takes devices
    /// the registry does not know.
    pub fn new(require_keys: bool, allow_unknown: bool) -> Self {
        Self {
            require_keys,
            allow_unknown,
            devices: HashMap::new(),
            hub_keys: Vec::new(),
        }
    }

    /// Takes an encoded `GetAdmissionsResponse`; its hub keys replace those before.
    pub fn apply(&mut self, response: &[u8]) -> Result<(), Error> {
        let response = GetAdmissionsResponse::decode(response).map_err(|error| {
            Error::new(
                ErrorCode::MalformedProtobuf,
                "admissions",
                error.to_string(),
            )
        })?;
        for admission in response.admissions {
            self.devices.insert(
                admission.device_id.into(),
                Admission {
                    known: admission.known,
                    active: admission.active,
                    key: key_of(&admission.key_sha256),
                },
            );
        }
        self.hub_keys = response
            .hub_key_sha256
            .iter()
            .map(|hash| key_of(hash))
            .collect();
        Ok(())
    }

    /// Forgets these devices; they are asked for again.
    pub fn invalidate<S: AsRef<str>>(&mut self, device_ids: &[S]) {
        let gone: HashSet<&str> = device_ids.iter().map(AsRef::as_ref).collect();
        for id in gone {
            self.devices.remove(id);
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.devices.clear();
        self.hub_keys.clear();
    }

    /// Devices held.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Hashes the request's key.
    pub fn credential(&self, key: Option<&str>) -> Credential {
        let hash: Option<Hash> = key
            .filter(|k| !k.is_empty())
            .map(|k| Sha256::digest(k.as_bytes()).into());
        // No early exit: the time must not tell which hub key matched.
        let is_hub = hash.is_some_and(|hash| {
            self.hub_keys
                .iter()
                .fold(false, |found, key| found | same(key, &hash))
        });
        Credential { hash, is_hub }
    }

    /// Whether the device may send with that key.
    #[inline]
    pub fn verdict(&self, device_id: &str, credential: &Credential) -> Verdict {
        let Some(device) = self.devices.get(device_id) else {
            return Verdict::Unknown;
        };
        if !device.known {
            return match (self.allow_unknown, self.require_keys && !credential.is_hub) {
                (false, _) => Verdict::Refused(ErrorCode::DeviceNotFound),
                (true, true) => Verdict::Refused(ErrorCode::Unauthorized),
                (true, false) => Verdict::Admitted,
            };
        }
        let has_key = match device.key {
            Key::None => !self.require_keys,
            key => credential.hash.is_some_and(|hash| same(&key, &hash)),
        };
        if !has_key && !credential.is_hub {
            return Verdict::Refused(ErrorCode::Unauthorized);
        }
        if !device.active {
            return Verdict::Refused(ErrorCode::DeviceInactive);
        }
        Verdict::Admitted
    }
}

fn key_of(hash: &[u8]) -> Key {
    if hash.is_empty() {
        return Key::None;
    }
    Hash::try_from(hash).map_or(Key::Unusable, Key::Sha256)
}

/// Constant-time comparison.
#[inline]
fn same(key: &Key, hash: &Hash) -> bool {
    match key {
        Key::Sha256(expected) => {
            let difference = expected
                .iter()
                .zip(hash)
                .fold(0u8, |sum, (a, b)| sum | (a ^ b));
            std::hint::black_box(difference) == 0
        }
        Key::None | Key::Unusable => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pb::registry::Admission as Message;

    fn table(require_keys: bool, allow_unknown: bool) -> Admissions {
        let mut table = Admissions::new(require_keys, allow_unknown);
        let device = |id: &str, known, active, key: Option<&str>| Message {
            device_id: id.into(),
            known,
            active,
            key_sha256: key.map(|k| Sha256::digest(k).to_vec()).unwrap_or_default(),
        };
        let mut broken = device("broken", true, true, None);
        broken.key_sha256 = vec![1, 2, 3];
        let response = GetAdmissionsResponse {
            version: "1".into(),
            admissions: vec![
                device("open", true, true, None),
                device("keyed", true, true, Some("k")),
                device("off", true, false, Some("k")),
                device("ghost", false, false, None),
                broken,
            ],
            hub_key_sha256: vec![Sha256::digest("hub").to_vec(), vec![]],
        };
        table.apply(&response.encode_to_vec()).unwrap();
        table
    }

    #[test]
    fn keys_are_checked_and_fail_closed() {
        use ErrorCode::{DeviceInactive, DeviceNotFound, Unauthorized};
        let refused = Verdict::Refused;
        for (require, allow, device, key, verdict) in [
            (false, false, "open", None, Verdict::Admitted),
            (true, false, "open", None, refused(Unauthorized)),
            (true, false, "open", Some("hub"), Verdict::Admitted),
            (false, false, "keyed", Some("k"), Verdict::Admitted),
            (false, false, "keyed", Some("wrong"), refused(Unauthorized)),
            (false, false, "keyed", Some(""), refused(Unauthorized)),
            (false, false, "keyed", None, refused(Unauthorized)),
            (false, false, "keyed", Some("hub"), Verdict::Admitted),
            (false, false, "off", Some("k"), refused(DeviceInactive)),
            (false, false, "off", None, refused(Unauthorized)),
            (false, false, "ghost", Some("hub"), refused(DeviceNotFound)),
            (false, true, "ghost", None, Verdict::Admitted),
            (true, true, "ghost", None, refused(Unauthorized)),
            (true, true, "ghost", Some("hub"), Verdict::Admitted),
            (false, false, "broken", Some("k"), refused(Unauthorized)),
            (false, true, "never heard of", Some("hub"), Verdict::Unknown),
        ] {
            let table = table(require, allow);
            let credential = table.credential(key);
            assert_eq!(
                table.verdict(device, &credential),
                verdict,
                "{device} {key:?} {require} {allow}"
            );
        }
    }

    #[test]
    fn what_is_invalidated_is_asked_again() {
        let mut table = table(false, false);
        table.invalidate(&["open", "nothing"]);
        let credential = table.credential(None);
        assert_eq!(table.verdict("open", &credential), Verdict::Unknown);
        assert_eq!(table.len(), 4);
        assert!(table.apply(b"\xff\xff").is_err());
    }
}
