use types::settings::Settings;

use super::*;

fn start() -> Record {
    Record::Start {
        engine_version: ENGINE_VERSION,
        saved: Box::new(SavedCluster::fresh(Settings::default(), None)),
    }
}

fn stand(seq: u64, now: u64) -> Record {
    Record::Stand(Stand {
        seq,
        now: VirtualTime::new(now),
        run_hash: 0,
    })
}

fn strike(seq: u64, closed: bool, now: u64) -> Record {
    let now = VirtualTime::new(now);
    Record::Strike(Strike {
        at: Position { seq, closed, now },
        chance: Chance::Step,
    })
}

fn decode(records: &[Record]) -> Result<Recording, RecordingError> {
    Recording::decode(&encode_chunk(1, 0, records))
}

#[test]
fn records_that_do_not_fit_together_are_refused() {
    let hostile: [Vec<Record>; 9] = [
        vec![],
        vec![stand(0, 0)],
        vec![start()],
        vec![start(), start(), stand(0, 0)],
        vec![start(), stand(3, 0), stand(2, 0)],
        vec![start(), strike(2, true, 9), strike(1, true, 9), stand(3, 9)],
        vec![
            start(),
            strike(1, true, 9),
            strike(1, false, 9),
            stand(3, 9),
        ],
        vec![start(), strike(4, true, 9), stand(3, 9)],
        vec![start(), stand(3, 1 << 52)],
    ];
    for records in hostile {
        assert!(decode(&records).is_err(), "{records:?}");
    }
    let good = [
        start(),
        strike(1, false, 9),
        strike(1, true, 9),
        stand(3, 9),
    ];
    assert!(decode(&good).is_ok());
}

#[test]
fn a_cluster_that_cannot_be_is_refused() {
    let mut saved = SavedCluster::fresh(Settings::default(), None);
    saved.settings.tick_ms = 0;
    let start = Record::Start {
        engine_version: ENGINE_VERSION,
        saved: Box::new(saved),
    };
    let refused = decode(&[start, stand(0, 0)]);
    assert!(matches!(
        refused,
        Err(RecordingError::Saved { segment: 1, .. })
    ));
}

#[test]
fn chunks_out_of_order_are_refused() {
    let first = encode_chunk(1, 0, &[start(), stand(0, 0)]);
    let second = encode_chunk(1, 1, &[stand(1, 1)]);
    let third = encode_chunk(1, 2, &[stand(2, 2)]);
    let all = [first.clone(), second.clone(), third.clone()].concat();
    assert!(Recording::decode(&all).is_ok());
    for wrong in [
        [first.clone(), third.clone()].concat(),
        [first.clone(), third, second.clone()].concat(),
        [first.clone(), first].concat(),
        second,
    ] {
        let refused = Recording::decode(&wrong);
        assert!(
            matches!(refused, Err(RecordingError::OutOfOrder { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_length_beyond_all_measure_costs_no_memory() {
    let mut chunk = encode_chunk(1, 0, &[start(), stand(0, 0)]);
    chunk[14..18].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(
        Recording::decode(&chunk),
        Err(RecordingError::TooLong { .. })
    ));
    // A payload that claims 2^60 records, under a hash that fits.
    let payload = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let mut chunk = encode_chunk(1, 0, &[])[..18].to_vec();
    chunk[14..18].copy_from_slice(&9_u32.to_le_bytes());
    chunk.extend_from_slice(&codec::hash(&payload).to_le_bytes());
    chunk.extend_from_slice(&payload);
    assert!(matches!(
        Recording::decode(&chunk),
        Err(RecordingError::Damaged { .. })
    ));
}

#[test]
fn another_layout_is_named() {
    let mut chunk = encode_chunk(1, 0, &[start(), stand(0, 0)]);
    chunk[4] = 9;
    let other = RecordingError::OtherLayout {
        found: 9,
        known: RECORDING_VERSION,
    };
    assert_eq!(Recording::decode(&chunk), Err(other));
}
