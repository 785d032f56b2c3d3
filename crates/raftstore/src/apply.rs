//! Commands: the checks at propose and again at apply, and what each does to the data.

use bytes::Bytes;
use types::{
    action::VALUE_BYTES_MAX,
    store::{ColumnFamily, Command, CommandResult, Region, ReplyError, Request},
};

use crate::{
    data::Data,
    sessions::{Seen, Sessions},
};

/// The column family of raw commands.
pub(crate) const RAW: ColumnFamily = ColumnFamily::Default;

/// Whether `region` is the one that `request` means, as the client knows it (TinyKV: these
/// commands compare `version` alone, for equality) and with the key in its range. Made when a
/// request is proposed, and again when it is applied: the region may have changed in between.
///
/// # Errors
///
/// The answer for the client.
pub(crate) fn check(region: &Region, request: &Request) -> Result<(), ReplyError> {
    if request.region != region.id {
        return Err(ReplyError::RegionNotFound {
            region: request.region,
        });
    }
    if request.epoch.version != region.epoch.version {
        return Err(ReplyError::EpochNotMatch {
            current: vec![region.clone()],
        });
    }
    if !region.contains(request.command.key()) {
        return Err(ReplyError::KeyNotInRegion { region: region.id });
    }
    Ok(())
}

/// Carries out a committed request, on every replica alike.
///
/// # Errors
///
/// What [`check`] finds; then nothing has changed.
pub(crate) fn execute(
    region: &Region,
    data: &mut Data,
    request: &Request,
) -> Result<CommandResult, ReplyError> {
    check(region, request)?;
    Ok(match &request.command {
        Command::Put { key, value } => {
            data.put(RAW, key, value.clone());
            CommandResult::Put
        }
        Command::Delete { key } => {
            data.delete(RAW, key);
            CommandResult::Delete
        }
        Command::Get { key } => CommandResult::Get {
            value: data.get(RAW, key).cloned(),
        },
        Command::Scan { start, end, limit } => CommandResult::Scan {
            pairs: data.scan(RAW, start, scan_end(region, end), *limit),
        },
        Command::Append { key, value } => {
            let longer = appended(data.get(RAW, key), value)?;
            data.put(RAW, key, longer);
            CommandResult::Append
        }
        Command::CompareAndSet { key, expected, new } => {
            let found = data.get(RAW, key).cloned();
            let swapped = found == *expected;
            if swapped {
                data.put(RAW, key, new.clone());
            }
            CommandResult::CompareAndSet { swapped, found }
        }
    })
}

/// [`execute`], at most once for each operation of a client that numbers them.
///
/// # Errors
///
/// As [`execute`], and [`ReplyError::SessionAhead`]; then nothing has changed.
pub(crate) fn carry_out(
    region: &Region,
    data: &mut Data,
    sessions: &mut Sessions,
    request: &Request,
) -> Result<CommandResult, ReplyError> {
    let Some(seq) = request.session else {
        return execute(region, data, request);
    };
    let client = request.id.client;
    match sessions.look_up(client, seq) {
        Seen::Repeated(result) => Ok(result),
        Seen::Older(seq) => Err(ReplyError::SessionAhead { seq }),
        Seen::New => {
            let result = execute(region, data, request)?;
            sessions.record(client, seq, result.clone());
            Ok(result)
        }
    }
}

/// `value` with `more` at its end; an absent value counts as an empty one. How long a value may
/// be is known only where the command is applied, so every replica judges it there, alike.
///
/// # Errors
///
/// [`ReplyError::ValueTooLong`] beyond [`VALUE_BYTES_MAX`].
pub fn appended(value: Option<&Bytes>, more: &Bytes) -> Result<Bytes, ReplyError> {
    let before = value.map_or(&[][..], Bytes::as_ref);
    let bytes = (before.len() as u64).saturating_add(more.len() as u64);
    if bytes > VALUE_BYTES_MAX {
        return Err(ReplyError::ValueTooLong {
            bytes,
            limit: VALUE_BYTES_MAX,
        });
    }
    Ok([before, more].concat().into())
}

/// A scan ends with its region; a client goes on in the next one.
fn scan_end<'a>(region: &'a Region, end: &'a Bytes) -> &'a Bytes {
    let ends_later = end.is_empty() || (!region.end.is_empty() && region.end < *end);
    if ends_later { &region.end } else { end }
}

#[cfg(test)]
mod tests {
    use types::{
        id::{ClientId, RegionId},
        store::{RegionEpoch, RequestId},
    };

    use super::*;

    fn region() -> Region {
        Region {
            id: RegionId::new(1),
            start: Bytes::from_static(b"b"),
            end: Bytes::from_static(b"y"),
            epoch: RegionEpoch {
                conf_ver: 1,
                version: 1,
            },
            peers: Vec::new(),
        }
    }

    fn request(command: Command) -> Request {
        Request {
            id: RequestId {
                client: ClientId::new(1),
                seq: 1,
            },
            region: RegionId::new(1),
            epoch: region().epoch,
            command,
            session: None,
        }
    }

    fn put(key: &'static str, value: &'static str) -> Request {
        request(Command::Put {
            key: Bytes::from_static(key.as_bytes()),
            value: Bytes::from_static(value.as_bytes()),
        })
    }

    #[test]
    fn what_does_not_fit_the_region_has_no_effect() {
        let mut data = Data::default();
        let mut newer = put("k", "v");
        newer.epoch.version = 2;
        let mut elsewhere = put("k", "v");
        elsewhere.region = RegionId::new(2);
        let results = [newer, elsewhere, put("a", "v"), put("y", "v")]
            .map(|request| execute(&region(), &mut data, &request));
        let current = vec![region()];
        assert_eq!(results[0], Err(ReplyError::EpochNotMatch { current }));
        assert!(matches!(results[1], Err(ReplyError::RegionNotFound { .. })));
        assert!(matches!(results[2], Err(ReplyError::KeyNotInRegion { .. })));
        assert!(matches!(results[3], Err(ReplyError::KeyNotInRegion { .. })));
        assert_eq!(data.len(), 0);
        let mut other_membership = put("b", "v");
        other_membership.epoch.conf_ver = 9;
        assert!(execute(&region(), &mut data, &other_membership).is_ok());
    }

    #[test]
    fn an_empty_value_is_a_value() {
        let mut data = Data::default();
        execute(&region(), &mut data, &put("k", "")).expect("in range");
        let get = request(Command::Get {
            key: Bytes::from_static(b"k"),
        });
        let found = execute(&region(), &mut data, &get);
        assert_eq!(
            found,
            Ok(CommandResult::Get {
                value: Some(Bytes::new())
            })
        );
    }

    fn append(key: &'static str, value: Vec<u8>) -> Request {
        request(Command::Append {
            key: Bytes::from_static(key.as_bytes()),
            value: value.into(),
        })
    }

    fn value(data: &Data, key: &'static str) -> Option<Bytes> {
        data.get(RAW, &Bytes::from_static(key.as_bytes())).cloned()
    }

    #[test]
    fn an_append_adds_at_the_end_and_begins_an_absent_key() {
        let mut data = Data::default();
        for piece in ["ab", "", "cd"] {
            let done = execute(&region(), &mut data, &append("k", piece.into()));
            assert_eq!(done, Ok(CommandResult::Append));
        }
        assert_eq!(value(&data, "k"), Some(Bytes::from_static(b"abcd")));
        execute(&region(), &mut data, &append("l", Vec::new())).expect("in range");
        assert_eq!(value(&data, "l"), Some(Bytes::new()));
    }

    #[test]
    fn a_value_grows_up_to_its_limit_and_an_append_beyond_it_has_no_effect() {
        let mut data = Data::default();
        let most = usize::try_from(VALUE_BYTES_MAX).expect("a megabyte");
        let filled = execute(&region(), &mut data, &append("k", vec![b'x'; most]));
        assert_eq!(filled, Ok(CommandResult::Append));
        let hash = data.hash();
        let refused = execute(&region(), &mut data, &append("k", b"yz".to_vec()));
        let (bytes, limit) = (VALUE_BYTES_MAX + 2, VALUE_BYTES_MAX);
        assert_eq!(refused, Err(ReplyError::ValueTooLong { bytes, limit }));
        assert_eq!(data.hash(), hash);
    }

    #[test]
    fn compare_and_set_writes_only_over_what_is_expected_and_tells_what_it_found() {
        let mut data = Data::default();
        let b = |text: &'static str| Bytes::from_static(text.as_bytes());
        let mut swap = |expected: Option<&'static str>, new: &'static str| {
            let command = Command::CompareAndSet {
                key: b("k"),
                expected: expected.map(b),
                new: b(new),
            };
            match execute(&region(), &mut data, &request(command)) {
                Ok(CommandResult::CompareAndSet { swapped, found }) => (swapped, found),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(swap(Some(""), "1"), (false, None));
        assert_eq!(swap(None, "1"), (true, None));
        assert_eq!(swap(None, "2"), (false, Some(b("1"))));
        assert_eq!(swap(Some("2"), "3"), (false, Some(b("1"))));
        assert_eq!(swap(Some("1"), "2"), (true, Some(b("1"))));
        assert_eq!(value(&data, "k"), Some(b("2")));
    }

    #[test]
    fn a_scan_stays_in_its_region() {
        let mut data = Data::default();
        for key in ["b", "m", "x"] {
            execute(&region(), &mut data, &put(key, "v")).expect("in range");
        }
        data.put(RAW, &Bytes::from_static(b"z"), Bytes::new());
        for end in ["", "zz"] {
            let scan = request(Command::Scan {
                start: Bytes::from_static(b"m"),
                end: Bytes::from_static(end.as_bytes()),
                limit: 10,
            });
            match execute(&region(), &mut data, &scan) {
                Ok(CommandResult::Scan { pairs }) => assert_eq!(pairs.len(), 2),
                other => panic!("{other:?}"),
            }
        }
    }
}
