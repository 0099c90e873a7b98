//! A `Control` of the protos: what people and the clock do to alarms.

use crate::error::{Error, ErrorCode};
use crate::ids::Id;
use crate::rules::Subject;
use crate::wire::Reader;

/// Who and why are kept as long as a pause lasts.
const TEXT_BYTES_MAX: usize = 1024;

/// Numbers equal `vigil.v1.ControlAction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// The clock of the partition.
    Tick = 1,
    /// A person stops the signal.
    Acknowledge = 2,
    /// No signals until a time.
    Pause = 3,
    /// No signals until they are resumed.
    Off = 4,
    /// Ends a pause.
    Resume = 5,
    /// A component is away.
    ComponentDown = 6,
    /// A component is back.
    ComponentUp = 7,
}

impl Action {
    fn from_number(number: u64) -> Option<Self> {
        [
            Self::Tick,
            Self::Acknowledge,
            Self::Pause,
            Self::Off,
            Self::Resume,
            Self::ComponentDown,
            Self::ComponentUp,
        ]
        .into_iter()
        .find(|action| *action as u64 == number)
    }

    /// Whether it is about a component.
    pub const fn is_component(self) -> bool {
        matches!(self, Self::ComponentDown | Self::ComponentUp)
    }
}

/// One control. There are few of them: it owns what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its event id.
    pub id: Id,
    /// What is done.
    pub action: Action,
    /// When it was given (processing time).
    pub time_us: i64,
    /// Whom it concerns; empty: the device.
    pub patient_id: Box<str>,
    /// The orphan, or the component.
    pub device_id: Box<str>,
    /// This alarm; `None` = all of the subject.
    pub episode: Option<Id>,
    /// This rule; empty = all.
    pub rule_id: Box<str>,
    /// When a pause ends.
    pub until_us: i64,
    /// Who.
    pub actor: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// Which process says so.
    pub reporter: Box<str>,
}

impl Control {
    /// Reads an encoded control.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let (mut id, mut action, mut time_us, mut until_us) = (&[][..], 0, 0, 0);
        let (mut patient_id, mut device_id, mut episode) = ("", "", &[][..]);
        let (mut rule_id, mut actor, mut reason) = ("", "", "");
        let (mut component, mut reporter) = ("", "");
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.next_field()? {
            match field.number {
                1 => id = field.value.bytes()?,
                2 => action = field.value.varint()?,
                3 => time_us = field.value.varint()? as i64,
                4 => patient_id = field.value.text()?,
                5 => device_id = field.value.text()?,
                6 => episode = field.value.bytes()?,
                7 => rule_id = field.value.text()?,
                8 => until_us = field.value.varint()? as i64,
                9 => actor = field.value.text()?,
                10 => reason = field.value.text()?,
                11 => component = field.value.text()?,
                12 => reporter = field.value.text()?,
                _ => {}
            }
        }
        let action = Action::from_number(action)
            .ok_or_else(|| refuse("control.action", "an action that is not known"))?;
        if action.is_component() {
            if component.is_empty() {
                return Err(refuse("control.component", "it says which component"));
            }
            (patient_id, device_id) = ("", component);
        }
        if action != Action::Tick && patient_id.is_empty() && device_id.is_empty() {
            return Err(refuse("control.patient_id", "it says whom it concerns"));
        }
        if time_us <= 0 {
            return Err(refuse("control.time_us", "it says when it was given"));
        }
        for (field, text) in [
            ("control.actor", actor),
            ("control.reason", reason),
            ("control.rule_id", rule_id),
        ] {
            if text.len() > TEXT_BYTES_MAX {
                return Err(refuse(field, "1024 bytes at most"));
            }
        }
        let sixteen = |field: &str, bytes: &[u8]| {
            Id::try_from(bytes).map_err(|_| refuse(field, "an id has 16 bytes"))
        };
        Ok(Self {
            id: sixteen("control.event_id", id)?,
            action,
            time_us,
            patient_id: patient_id.into(),
            device_id: device_id.into(),
            episode: match episode {
                [] => None,
                episode => Some(sixteen("control.episode_id", episode)?),
            },
            rule_id: rule_id.into(),
            until_us,
            actor: actor.into(),
            reason: reason.into(),
            reporter: reporter.into(),
        })
    }

    /// Whom it concerns.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            patient_id: &self.patient_id,
            device_id: &self.device_id,
        }
    }
}

fn refuse(field: &str, message: &str) -> Error {
    Error::new(ErrorCode::MalformedProtobuf, field, message)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::pb::v1;

    fn tick() -> v1::Control {
        v1::Control {
            event_id: vec![7; 16],
            action: v1::ControlAction::Tick.into(),
            time_us: 5,
            ..v1::Control::default()
        }
    }

    #[test]
    fn a_control_is_read_as_the_protos_write_it() {
        let sent = v1::Control {
            action: v1::ControlAction::Pause.into(),
            patient_id: "p".into(),
            episode_id: vec![8; 16],
            rule_id: "r".into(),
            until_us: 9,
            actor: "a".into(),
            reason: "w".into(),
            ..tick()
        };
        let read = Control::read(&sent.encode_to_vec()).unwrap();
        assert_eq!(
            (read.action, read.time_us, read.until_us, read.episode),
            (Action::Pause, 5, 9, Some([8; 16]))
        );
        assert_eq!(
            [&*read.patient_id, &read.rule_id, &read.actor, &read.reason],
            ["p", "r", "a", "w"]
        );
    }

    #[test]
    fn what_says_too_little_is_refused() {
        let refused = |change: fn(&mut v1::Control)| {
            let mut control = tick();
            change(&mut control);
            Control::read(&control.encode_to_vec())
                .unwrap_err()
                .field
                .clone()
        };
        assert_eq!(refused(|c| c.action = 99), "control.action");
        assert_eq!(refused(|c| c.action = 2), "control.patient_id");
        assert_eq!(refused(|c| c.action = 6), "control.component");
        assert_eq!(refused(|c| c.time_us = 0), "control.time_us");
        assert_eq!(refused(|c| c.event_id = vec![1]), "control.event_id");
        assert_eq!(refused(|c| c.episode_id = vec![1]), "control.episode_id");
        assert_eq!(refused(|c| c.actor = "x".repeat(1025)), "control.actor");
        assert!(Control::read(&tick().encode_to_vec()).is_ok());
    }
}
