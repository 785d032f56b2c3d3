//! Rows survive the way to the disk and back, and nothing else does.

use types::{
    disk::{FieldValue, Table},
    id::{ClientId, PeerId, StoreId},
    raft::{ConfState, Entry, EntryKind, HardState, LogIndex, LogPosition, Term},
    store::{ColumnFamily, Command, Peer, Proposal, Region, RegionEpoch, Request, RequestId},
};

use super::*;

const R1: RegionId = RegionId::new(1);

fn entry(index: u64, term: u64, kind: EntryKind, data: Vec<u8>) -> Entry {
    Entry {
        term: Term::new(term),
        index: LogIndex::new(index),
        kind,
        data: data.into(),
    }
}

fn put_request() -> Vec<u8> {
    codec::encode(&Proposal::Request(Request {
        id: RequestId {
            client: ClientId::new(1),
            seq: 1,
        },
        region: R1,
        epoch: RegionEpoch::default(),
        command: Command::Put {
            key: Bytes::from_static(b"k"),
            value: Bytes::from_static(b"v\0"),
        },
        session: None,
    }))
}

fn region() -> Region {
    let peer = |id| Peer {
        id: PeerId::new(id),
        store: StoreId::new(id),
    };
    Region {
        id: R1,
        start: Bytes::from_static(b"a"),
        end: Bytes::new(),
        epoch: RegionEpoch {
            conf_ver: 1,
            version: 1,
        },
        peers: vec![peer(1), peer(2)],
    }
}

fn samples() -> Vec<(RowKey, Content)> {
    let first = LogIndex::new(6);
    let run = LogRun {
        entries: vec![
            entry(6, 6, EntryKind::NoOp, Vec::new()),
            entry(7, 6, EntryKind::Normal, put_request()),
        ],
    };
    let position = LogPosition {
        index: LogIndex::new(7),
        term: Term::new(6),
    };
    let raft = RaftState {
        hard_state: HardState {
            term: Term::new(6),
            vote: Some(PeerId::new(2)),
            commit: LogIndex::new(6),
        },
        last: position,
    };
    let apply = ApplyState {
        applied: LogIndex::new(6),
        truncated: position,
        truncated_hash: 9,
    };
    let state = RegionState {
        state: PeerState::Normal,
        region: region(),
        peer: PeerId::new(1),
        conf_state: ConfState::of_voters(vec![PeerId::new(1)]),
    };
    let ident = StoreIdent {
        version: DISK_VERSION,
        store: StoreId::new(3),
    };
    let data_key = RowKey::Data {
        cf: ColumnFamily::Default,
        key: Bytes::from_static(b"k"),
    };
    vec![
        (RowKey::StoreIdent, Content::StoreIdent(ident)),
        (RowKey::LastCycle, Content::LastCycle(Cycle::new(4))),
        (RowKey::RaftLog { region: R1, first }, Content::RaftLog(run)),
        (RowKey::RaftState { region: R1 }, Content::RaftState(raft)),
        (
            RowKey::ApplyState { region: R1 },
            Content::ApplyState(apply),
        ),
        (
            RowKey::RegionState { region: R1 },
            Content::RegionState(Box::new(state)),
        ),
        (data_key, Content::Data(Bytes::from_static(b"v"))),
    ]
}

#[test]
fn every_row_is_read_as_it_was_written() {
    for (key, content) in samples() {
        let row = encode(key, &content);
        assert_eq!(decode(&row), Ok(content));
        assert!(!row.value.fields.is_empty(), "{row:?}");
    }
}

#[test]
fn a_row_with_any_byte_changed_is_corrupt() {
    for (key, content) in samples() {
        let row = encode(key, &content);
        for at in 0..row.value.bytes.len() {
            let mut bad = row.clone();
            let mut bytes = bad.value.bytes.to_vec();
            bytes[at] ^= 1;
            bad.value.bytes = bytes.into();
            assert!(
                matches!(decode(&bad), Err(Stop::CorruptRow { .. })),
                "{bad:?}"
            );
        }
    }
}

#[test]
fn a_row_under_another_key_is_corrupt() {
    let rows: Vec<Row> = samples()
        .iter()
        .map(|(k, c)| encode(k.clone(), c))
        .collect();
    for row in &rows {
        for other in rows.iter().filter(|other| other.key != row.key) {
            let moved = Row {
                key: other.key.clone(),
                value: row.value.clone(),
            };
            assert!(matches!(decode(&moved), Err(Stop::CorruptRow { .. })));
        }
    }
}

#[test]
fn a_sound_checksum_does_not_excuse_a_senseless_content() {
    let key = RowKey::RaftLog {
        region: R1,
        first: LogIndex::new(6),
    };
    let broken = [
        vec![],
        vec![entry(7, 6, EntryKind::NoOp, vec![])],
        vec![
            entry(6, 6, EntryKind::NoOp, vec![]),
            entry(8, 6, EntryKind::NoOp, vec![]),
        ],
        vec![
            entry(6, 6, EntryKind::NoOp, vec![]),
            entry(7, 5, EntryKind::NoOp, vec![]),
        ],
    ];
    for entries in broken {
        let bytes: Bytes = codec::encode(&LogRun { entries }).into();
        let value = RowValue {
            fields: Vec::new(),
            crc: checksum(&key, &bytes),
            bytes,
        };
        let row = Row {
            key: key.clone(),
            value,
        };
        let table = Table::RaftLog;
        assert!(matches!(decode(&row), Err(Stop::CorruptRow { table: t, .. }) if t == table));
    }
}

#[test]
fn the_keys_are_tinykvs() {
    let hex = |key: &RowKey| -> String {
        tinykv_key(key)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let keys: Vec<String> = samples().iter().map(|(key, _)| hex(key)).collect();
    assert_eq!(keys[0], "0102");
    assert_eq!(keys[2], "01020000000000000001010000000000000006");
    assert_eq!(keys[3], "0102000000000000000102");
    assert_eq!(keys[4], "0102000000000000000103");
    assert_eq!(keys[5], "0103000000000000000101");
    assert_eq!(keys[6], hex_of(b"default_k"));
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_fields_say_what_a_student_looks_for() {
    let (key, content) = samples().swap_remove(2);
    let row = encode(key, &content);
    let text = |name: &str| {
        let field = row.value.fields.iter().find(|field| field.name == name);
        match &field.expect("the field is there").value {
            FieldValue::Number(number) => number.to_string(),
            FieldValue::Text(text) => text.clone(),
        }
    };
    assert_eq!(text("first_index"), "6");
    assert_eq!(text("last_index"), "7");
    assert_eq!(text("terms"), "6");
    assert_eq!(text("commands"), "no-op; put k=v\\x00");
}

#[test]
fn lossless_text_tells_any_two_byte_strings_apart() {
    assert_eq!(lossless("键 a".as_bytes()), "键 a");
    assert_eq!(lossless(b"\\x00"), "\\\\x00");
    assert_eq!(lossless(b"\0\n\xff"), "\\x00\\x0a\\xff");
}

#[test]
fn a_newer_layout_is_told_apart_from_damage() {
    let mut bytes = codec::encode(&(DISK_VERSION + 1));
    bytes.extend_from_slice(b"whatever comes then");
    let value = RowValue {
        fields: Vec::new(),
        crc: checksum(&RowKey::StoreIdent, &bytes),
        bytes: bytes.into(),
    };
    let row = Row {
        key: RowKey::StoreIdent,
        value,
    };
    let newer = Stop::NewerDisk {
        found: DISK_VERSION + 1,
        known: DISK_VERSION,
    };
    assert_eq!(decode(&row), Err(newer));
}

#[test]
fn the_last_cycle_of_an_empty_disk_is_zero() {
    assert_eq!(last_cycle(&DiskImage::default()), Ok(Cycle::ZERO));
    let rows = samples().into_iter().map(|(k, c)| encode(k, &c)).collect();
    assert_eq!(last_cycle(&DiskImage { rows }), Ok(Cycle::new(4)));
    let (key, content) = samples().swap_remove(0);
    let rows = vec![encode(key, &content)];
    assert!(last_cycle(&DiskImage { rows }).is_err());
}
