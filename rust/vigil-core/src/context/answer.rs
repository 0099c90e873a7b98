//! The registry's `GetContextsResponse`, read. A cold path: once per device and change.

use prost::Message;

use super::link::{Link, Links, PatientContext};
use crate::error::{Error, ErrorCode};
use crate::pb::v1;
use crate::wire::Reader;

/// What the registry said of one device.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Which device.
    pub device_id: &'a str,
    /// Its links; none for a device that the registry does not know.
    pub links: Links,
}

/// Reads a whole response, or refuses it whole. `share` is given each patient context once read and may
/// return an equal one that is held already.
pub fn read(
    response: &[u8],
    mut share: impl FnMut(PatientContext) -> PatientContext,
) -> Result<Vec<Answer<'_>>, Error> {
    let mut answers = Vec::new();
    let mut reader = Reader::new(response);
    while let Some(field) = reader.next_field()? {
        if field.number == 2 {
            answers.push(device(field.value.bytes()?, &mut share)?);
        }
    }
    Ok(answers)
}

fn device<'a>(
    message: &'a [u8],
    share: &mut impl FnMut(PatientContext) -> PatientContext,
) -> Result<Answer<'a>, Error> {
    let (mut device_id, mut known, mut links) = ("", false, Vec::new());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => device_id = field.value.text()?,
            2 => known = field.value.varint()? != 0,
            4 => links.extend(link(field.value.bytes()?, share)?),
            _ => {}
        }
    }
    if device_id.is_empty() {
        return Err(Error::new(
            ErrorCode::MissingField,
            "devices.device_id",
            "an answer names its device",
        ));
    }
    if !known {
        links.clear();
    }
    Ok(Answer {
        device_id,
        links: Links::new(links),
    })
}

/// A link without a patient links to nobody: the device is an orphan for that time.
fn link(
    message: &[u8],
    share: &mut impl FnMut(PatientContext) -> PatientContext,
) -> Result<Option<Link>, Error> {
    let (mut from_us, mut to_us, mut context) = (0, 0, &[][..]);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.next_field()? {
        match field.number {
            1 => from_us = field.value.varint()? as i64,
            2 => to_us = field.value.varint()? as i64,
            3 => context = field.value.bytes()?,
            _ => {}
        }
    }
    let decoded = v1::Context::decode(context).map_err(|error| {
        Error::new(
            ErrorCode::MalformedProtobuf,
            "devices.links.context",
            error.to_string(),
        )
    })?;
    Ok(
        PatientContext::new(&decoded.patient_id, context).map(|patient| Link {
            from_us,
            to_us,
            patient: share(patient),
        }),
    )
}
