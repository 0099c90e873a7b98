//! What the device says of its sensors: a sign whose sensor is off the patient is not evaluated.
//!
//! Metadata `lead_off` (ECG), `probe_off` (SpO2) and `sensor_off` / `disconnected` are read as `true`, or as a
//! list of metric names or of `ecg`, `spo2`, `cuff`, `art`.

use super::interpret::Meaning;
use crate::observation::quality;
use crate::sign::Sign;
use crate::vocabulary::{self, Target};

/// Marks the signs whose sensors `metadata` says are off.
pub fn mark(metadata: &[(&str, &str)], meaning: &mut Meaning) {
    for (key, value) in metadata {
        let key = key.to_ascii_lowercase().replace(['_', '-', ' '], "");
        let all: fn(Sign) -> bool = match key.as_str() {
            "leadoff" | "leadsoff" | "ecgleadoff" | "ecgoff" => |sign| group(sign) == "ecg",
            "probeoff" | "spo2probeoff" | "fingeroff" => |sign| group(sign) == "spo2",
            "sensoroff" | "sensorsoff" | "disconnected" => |_| true,
            _ => continue,
        };
        match value.to_ascii_lowercase().as_str() {
            "" | "false" | "0" | "no" | "none" => {}
            "true" | "1" | "yes" => disconnect(meaning, all),
            list => {
                for name in list.split([',', ';', ' ']).filter(|name| !name.is_empty()) {
                    let named = vocabulary::lookup(name);
                    disconnect(meaning, |sign| {
                        named == Some(Target::Sign(sign)) || group(sign) == name
                    });
                }
            }
        }
    }
}

/// The sensor a sign is read with.
fn group(sign: Sign) -> &'static str {
    match sign {
        Sign::HeartRate | Sign::RespiratoryRate => "ecg",
        Sign::Spo2 | Sign::PulseRate => "spo2",
        Sign::Systolic | Sign::Diastolic | Sign::MeanPressure => "cuff",
        Sign::ArtSystolic | Sign::ArtDiastolic | Sign::ArtMean => "art",
        Sign::Etco2 => "co2",
        _ => "",
    }
}

/// Breaths may also be counted by capnography: they are only given up with the ECG leads when they are 0.
fn disconnect(meaning: &mut Meaning, off: impl Fn(Sign) -> bool) {
    for column in &mut meaning.columns {
        if off(column.sign) && (column.sign != Sign::RespiratoryRate || column.is_zero) {
            column.quality |= quality::DISCONNECTED;
        }
    }
}
