//! The canonical vital signs as an index into fixed arrays. Numbers equal `vigil.v1.Sign`.

macro_rules! signs {
    ($($name:ident = $number:literal, $field:literal, $unit:literal, $resolution:literal;)+) => {
        /// One canonical sign; its unit is fixed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Sign { $($name = $number,)+ }

        impl Sign {
            /// All signs in number order.
            pub const ALL: &'static [Sign] = &[$(Sign::$name,)+];
            /// One more than the largest number: the length of a table indexed by sign.
            pub const COUNT: usize = Self::ALL.len() + 1;

            /// The sign of a protobuf number.
            #[inline]
            pub const fn from_number(number: u64) -> Option<Sign> {
                match number { $($number => Some(Sign::$name),)+ _ => None }
            }

            /// The canonical field name.
            pub const fn field(self) -> &'static str {
                match self { $(Sign::$name => $field,)+ }
            }

            /// The sign of a canonical field name.
            pub fn from_field(field: &str) -> Option<Sign> {
                match field { $($field => Some(Sign::$name),)+ _ => None }
            }

            /// The canonical unit, UCUM.
            pub const fn unit(self) -> &'static str {
                match self { $(Sign::$name => $unit,)+ }
            }

            /// The resolution at which a nurse charts it; scores round to it before banding.
            pub const fn chart_resolution(self) -> f64 {
                match self { $(Sign::$name => $resolution,)+ }
            }

            /// Its index in a table of `COUNT`.
            #[inline]
            pub const fn index(self) -> usize { self as usize }
        }
    };
}

signs! {
    HeartRate = 1, "heart_rate", "/min", 1.0;
    PulseRate = 2, "pulse_rate", "/min", 1.0;
    Spo2 = 3, "spo2", "%", 1.0;
    RespiratoryRate = 4, "respiratory_rate", "/min", 1.0;
    Temperature = 5, "temperature", "Cel", 0.1;
    Systolic = 6, "systolic", "mm[Hg]", 1.0;
    Diastolic = 7, "diastolic", "mm[Hg]", 1.0;
    MeanPressure = 8, "mean_pressure", "mm[Hg]", 1.0;
    ArtSystolic = 9, "art_systolic", "mm[Hg]", 1.0;
    ArtDiastolic = 10, "art_diastolic", "mm[Hg]", 1.0;
    ArtMean = 11, "art_mean", "mm[Hg]", 1.0;
    Etco2 = 12, "etco2", "mm[Hg]", 1.0;
    Fio2 = 13, "fio2", "%", 1.0;
    O2Flow = 14, "o2_flow", "L/min", 0.1;
    Glucose = 15, "glucose", "mg/dL", 1.0;
    Consciousness = 16, "consciousness", "{ACVPU}", 1.0;
    Gcs = 17, "gcs", "{score}", 1.0;
}
