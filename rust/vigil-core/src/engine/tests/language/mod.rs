//! Trends, means and populations, each with the smallest rule file that shows it.

mod population;
mod properties;
mod trend;

use super::*;

/// What is said: second, alert type, phase, message.
type Told = Vec<(i64, String, i32, String)>;

fn file(rules: &str) -> String {
    format!("version = 1\nspot_check_after_s = 0\n{rules}")
}

/// One patient with one device, an observation a record.
struct Bench {
    engine: Engine,
    run: Run,
    n: u64,
    context: v1::Context,
    device_type: String,
}

impl Bench {
    fn new(rules: &str) -> Self {
        Self {
            engine: Engine::new(&file(rules), 1000).unwrap(),
            run: Run::default(),
            n: 0,
            context: v1::Context {
                patient_id: "p1".into(),
                age_years: Some(60),
                ..v1::Context::default()
            },
            device_type: String::new(),
        }
    }

    fn at(&mut self, second: i64, values: &[(Sign, f64)]) {
        let values: Vec<_> = values.iter().map(|(s, v)| (*s, *v, 0)).collect();
        let mut one = observation(self.n, "p1", "d1", second, &values);
        one.context = Some(self.context.clone());
        if let Some(vitals) = &mut one.vitals {
            vitals.device_type.clone_from(&self.device_type);
        }
        self.run
            .feed(&mut self.engine, self.n as i64, &[&batch(&[one])]);
        self.n += 1;
    }

    fn told(&self) -> Told {
        let alerts = self.run.all_alerts(|_| true).into_iter();
        alerts
            .map(|a| {
                let second = (a.header.as_ref().unwrap().event_time_us - T0) / SECOND;
                (second, a.alert_type, a.phase, a.message)
            })
            .collect()
    }

    fn phases(&self) -> Vec<(i64, i32)> {
        self.told().into_iter().map(|s| (s.0, s.2)).collect()
    }
}

fn phases(rules: &str, rows: &[(i64, &[(Sign, f64)])]) -> Vec<(i64, i32)> {
    let mut bench = Bench::new(rules);
    for (second, values) in rows {
        bench.at(*second, values);
    }
    bench.phases()
}
