//! Windows of a patient's values, those that rules ask for. Bounded by the rule set.

use super::compile::RuleSet;
use super::moment::Moment;
use super::window::{Asked, Spec, Window};
use crate::sign::Sign;

/// Empty unless rules ask for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The rule set that it was last made to fit (its key); not part of checkpoints.
    pub set: u64,
    /// Of trends and means.
    pub windows: Vec<Window>,
}

impl Memory {
    /// Becomes a copy of `other` in the memory that it has.
    #[inline]
    pub fn copy_from(&mut self, other: &Self) {
        self.set = other.set;
        self.windows.clone_from(&other.windows);
    }

    /// Takes the values of an observation into the windows that rules ask for; forgets what none asks for.
    #[inline]
    pub fn take(&mut self, set: &RuleSet, moment: &Moment<'_>) {
        if self.set != set.key {
            self.set = set.key;
            self.windows.retain(|window| {
                set.windows(window.sign)
                    .iter()
                    .any(|asked| asked.spec == window.spec)
            });
        }
        for value in moment.values {
            if !value.connected {
                continue;
            }
            for Asked { spec, population } in set.windows(value.sign) {
                if spec.devices != 0 && moment.unseen & population != 0 {
                    continue; // no rule that asks for this window looks at the device
                }
                let found = self.find(value.sign, *spec).unwrap_or_else(|| {
                    self.windows.reserve_exact(1); // few, and of every patient: no room for more than there are
                    self.windows.push(Window::new(value.sign, *spec));
                    self.windows.len() - 1
                });
                if let Some(window) = self.windows.get_mut(found) {
                    window.add(moment.now_us, value.value);
                }
            }
        }
    }

    #[inline]
    fn find(&self, sign: Sign, spec: Spec) -> Option<usize> {
        let mut windows = self.windows.iter();
        windows.position(|window| window.sign == sign && window.spec == spec)
    }

    /// What the window of a sign says; `None` without values.
    #[inline]
    pub fn result(&self, sign: Sign, spec: Spec) -> Option<f64> {
        self.windows.get(self.find(sign, spec)?)?.result()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Window>() * self.windows.capacity()
    }
}
