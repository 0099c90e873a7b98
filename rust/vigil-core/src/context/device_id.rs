//! A device id kept in place when it is short, as nearly all are: one cache line less to wait for.

/// Room for a UUID in braces.
const SHORT_MAX: usize = 38;

/// The bytes of a device id.
#[derive(Debug)]
pub(super) enum DeviceId {
    /// Length and bytes.
    Short(u8, [u8; SHORT_MAX]),
    Long(Box<[u8]>),
}

impl DeviceId {
    pub fn new(id: &str) -> Self {
        let mut short = [0; SHORT_MAX];
        match short.get_mut(..id.len()) {
            Some(head) => {
                head.copy_from_slice(id.as_bytes());
                Self::Short(id.len() as u8, short)
            }
            None => Self::Long(id.as_bytes().into()),
        }
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_length_come_back() {
        for length in 0..100 {
            let id = "é".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(DeviceId::new(&id).as_bytes(), id.as_bytes());
        }
    }
}
