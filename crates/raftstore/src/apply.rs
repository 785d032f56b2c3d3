//! Commands: the checks at propose and again at apply, and what each does to the data.

use bytes::Bytes;
use types::store::{ColumnFamily, Command, CommandResult, Region, ReplyError, Request};

use crate::data::Data;

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
    })
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
