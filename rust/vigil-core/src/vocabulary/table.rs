//! What each sign is called, coded and how far it can go.
//!
//! Sources. LOINC and MDC: the HL7 FHIR vital-signs profile and IEEE 11073-10101 as listed in the project's
//! clinical facts. Plausible ranges: the widest values reported of living patients, rounded outwards (core
//! temperature 12 °C, 46.5 °C; arterial pressure down to 1 in an arrest); they say "this is no measurement", not "this is abnormal".
//! Aliases: names seen from devices, hubs and the published recordings.

use super::Target;
use crate::sign::Sign;

/// What is known of one sign.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The sign; its field name and unit are the sign's own.
    pub sign: Sign,
    /// LOINC codes, the preferred one first.
    pub loinc: &'static [&'static str],
    /// IEEE 11073 MDC codes, the preferred one first.
    pub mdc: &'static [u32],
    /// Lowest and highest value a living patient can show, in the canonical unit.
    pub plausible: (f64, f64),
    /// Names without case, blanks, `_` and `-`; the field name itself is always one.
    pub aliases: &'static [&'static str],
}

/// One entry a sign, in number order.
pub const TABLE: &[Entry] = &[
    Entry {
        sign: Sign::HeartRate,
        loinc: &["8867-4"],
        mdc: &[147842],
        plausible: (0.0, 350.0),
        aliases: &["hr", "heartrate", "ecghr", "hrecg", "ecgheartrate"],
    },
    Entry {
        sign: Sign::PulseRate,
        // The FHIR profile gives pulse the heart-rate code too; as a metric name that code means heart rate.
        loinc: &["8867-4", "8889-8"],
        mdc: &[149530, 149546],
        plausible: (0.0, 350.0),
        aliases: &[
            "pulse",
            "pulserate",
            "pr",
            "pulsehr",
            "spo2pulse",
            "spo2pulserate",
            "spo2pr",
            "nibppulse",
        ],
    },
    Entry {
        sign: Sign::Spo2,
        loinc: &["59408-5", "2708-6"],
        mdc: &[150456],
        plausible: (1.0, 100.0),
        aliases: &[
            "spo2",
            "o2sat",
            "oxygensaturation",
            "o2",
            "sao2",
            "sato2",
            "sat",
            "saturation",
            "bloodoxygen",
        ],
    },
    Entry {
        sign: Sign::RespiratoryRate,
        loinc: &["9279-1"],
        mdc: &[151562, 151578],
        plausible: (0.0, 150.0),
        aliases: &[
            "rr",
            "resp",
            "resprate",
            "respiration",
            "respirations",
            "respirationrate",
            "breathingrate",
            "breathrate",
        ],
    },
    Entry {
        sign: Sign::Temperature,
        loinc: &["8310-5"],
        mdc: &[150344, 150364],
        plausible: (12.0, 46.5),
        aliases: &[
            "temp",
            "bodytemp",
            "bodytemperature",
            "coretemperature",
            "coretemp",
            "tcore",
        ],
    },
    Entry {
        sign: Sign::Systolic,
        loinc: &["8480-6"],
        mdc: &[150021, 150301],
        plausible: (20.0, 350.0),
        aliases: &[
            "sbp",
            "sys",
            "systolicpressure",
            "systolicbp",
            "systolicbloodpressure",
            "bpsystolic",
            "bpsys",
            "nibpsystolic",
            "nibpsys",
            "nbpsys",
            "nisysabp",
        ],
    },
    Entry {
        sign: Sign::Diastolic,
        loinc: &["8462-4"],
        mdc: &[150022, 150302],
        plausible: (1.0, 250.0),
        aliases: &[
            "dbp",
            "dia",
            "diastolicpressure",
            "diastolicbp",
            "diastolicbloodpressure",
            "bpdiastolic",
            "bpdia",
            "nibpdiastolic",
            "nibpdia",
            "nbpdias",
            "nidiasabp",
        ],
    },
    Entry {
        sign: Sign::MeanPressure,
        loinc: &["8478-0"],
        mdc: &[150023, 150303],
        plausible: (5.0, 300.0),
        aliases: &[
            "map",
            "mbp",
            "meanbp",
            "meanarterialpressure",
            "meanbloodpressure",
            "bpmean",
            "nibpmean",
            "nbpmean",
            "nimap",
        ],
    },
    Entry {
        sign: Sign::ArtSystolic,
        loinc: &["76215-3"],
        mdc: &[150033, 150037],
        plausible: (1.0, 350.0),
        aliases: &[
            "artsys",
            "artsbp",
            "abpsys",
            "abpsystolic",
            "ibpsys",
            "ibpsystolic",
            "sysabp",
            "arterialsystolic",
        ],
    },
    Entry {
        sign: Sign::ArtDiastolic,
        loinc: &["76213-8"],
        mdc: &[150034, 150038],
        plausible: (1.0, 250.0),
        aliases: &[
            "artdia",
            "artdbp",
            "abpdias",
            "abpdiastolic",
            "ibpdia",
            "ibpdiastolic",
            "diasabp",
            "arterialdiastolic",
        ],
    },
    Entry {
        sign: Sign::ArtMean,
        loinc: &["76214-6"],
        mdc: &[150035, 150039],
        plausible: (1.0, 300.0),
        aliases: &[
            "artmap",
            "abpmean",
            "ibpmean",
            "arterialmean",
            "artmeanpressure",
        ],
    },
    Entry {
        sign: Sign::Etco2,
        loinc: &["19889-5", "19891-1"],
        mdc: &[151708],
        plausible: (0.0, 200.0),
        aliases: &["etco2", "endtidalco2", "petco2"],
    },
    Entry {
        sign: Sign::Fio2,
        loinc: &["3150-0"],
        mdc: &[153144],
        plausible: (15.0, 100.0),
        aliases: &["fio2", "inspiredoxygen", "inspiredo2"],
    },
    Entry {
        sign: Sign::O2Flow,
        loinc: &["3151-8"],
        mdc: &[],
        plausible: (0.0, 100.0),
        aliases: &["oxygenflow", "o2flowrate", "oxygenflowrate"],
    },
    Entry {
        sign: Sign::Glucose,
        loinc: &["2339-0", "15074-8"],
        mdc: &[160020, 160184],
        plausible: (5.0, 2700.0),
        aliases: &["bloodglucose", "bg", "glu", "bloodsugar"],
    },
    Entry {
        sign: Sign::Consciousness,
        loinc: &["67775-7"],
        mdc: &[],
        plausible: (0.0, 4.0),
        aliases: &["acvpu", "avpu", "levelofconsciousness", "loc"],
    },
    Entry {
        sign: Sign::Gcs,
        loinc: &["9269-2"],
        mdc: &[],
        plausible: (3.0, 15.0),
        aliases: &["glasgowcomascale", "glasgow", "gcstotal"],
    },
];

/// Names that carry two or three pressures in one text.
pub const PRESSURE_NAMES: &[(&str, Target)] = &[
    ("bp", Target::CuffPressure),
    ("nibp", Target::CuffPressure),
    ("nbp", Target::CuffPressure),
    ("bloodpressure", Target::CuffPressure),
    ("loinc:85354-9", Target::CuffPressure),
    ("loinc:55284-4", Target::CuffPressure),
    ("abp", Target::ArterialPressure),
    ("ibp", Target::ArterialPressure),
    ("art", Target::ArterialPressure),
    ("arterialpressure", Target::ArterialPressure),
];
