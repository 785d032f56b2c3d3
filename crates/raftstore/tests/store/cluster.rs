//! Three stores in a loop.

use raftstore::{audit, image::MemoryDisk};
use types::{
    raft::{LogIndex, Term},
    store::{Command, CommandResult},
    view::FactBody,
};

use crate::harness::{Loop, b, get, put};

fn some_work(all: &mut Loop) -> u64 {
    let leader = all.elect();
    for n in 0..20 {
        let reply = all.ask(leader, put(&format!("k{}", n % 7), &format!("v{n}")));
        assert_eq!(reply.result, Ok(CommandResult::Put));
    }
    leader
}

#[test]
fn the_first_leader_is_elected_in_term_six_and_carries_out_commands() {
    let mut all = Loop::new(3);
    let leader = all.elect();
    assert_eq!(all.node(leader).view().hard_state.term, Term::new(6));
    assert_eq!(
        all.ask(leader, put("a", "1")).result,
        Ok(CommandResult::Put)
    );
    assert_eq!(all.ask(leader, put("b", "")).result, Ok(CommandResult::Put));
    assert_eq!(
        all.ask(leader, put("c", "3")).result,
        Ok(CommandResult::Put)
    );
    let value = Some(b(""));
    assert_eq!(
        all.ask(leader, get("b")).result,
        Ok(CommandResult::Get { value })
    );
    let delete = Command::Delete { key: b("a") };
    assert_eq!(all.ask(leader, delete).result, Ok(CommandResult::Delete));
    let value = None;
    assert_eq!(
        all.ask(leader, get("a")).result,
        Ok(CommandResult::Get { value })
    );
    let scan = Command::Scan {
        start: b(""),
        end: b(""),
        limit: 10,
    };
    let pairs = vec![(b("b"), b("")), (b("c"), b("3"))];
    assert_eq!(
        all.ask(leader, scan).result,
        Ok(CommandResult::Scan { pairs })
    );
    all.run_ms(1_000);
    for n in 1..=3 {
        let view = all.node(n).view();
        assert_eq!(view.applied, LogIndex::new(13));
        assert_eq!(view.flushed, view.applied);
        assert_eq!(view.data, [(b("b"), b("")), (b("c"), b("3"))]);
    }
    assert_eq!(audit::check(&all.images()).findings, []);
}

#[test]
fn a_killed_store_comes_back_from_its_disk_and_catches_up() {
    for write_lands in [false, true] {
        let mut all = Loop::new(3);
        let leader = some_work(&mut all);
        all.node(leader).disk_stalls = true;
        all.submit(leader, put("open", "write"));
        all.kill(leader, write_lands);
        all.node(leader).disk_stalls = false;
        let next = all.elect();
        assert_ne!(next, leader);
        all.ask(next, put("meanwhile", "1"));
        all.start(leader);
        all.run_ms(1_000);
        let view = all.node(leader).view();
        assert_eq!(view.data, all.node(next).view().data);
        assert!(view.data.contains(&(b("k0"), b("v14"))));
        assert!(view.data.contains(&(b("meanwhile"), b("1"))));
        assert_eq!(audit::check(&all.images()).findings, []);
    }
}

#[test]
fn all_stores_can_stop_at_once_and_lose_nothing() {
    let mut all = Loop::new(3);
    some_work(&mut all);
    for n in 1..=3 {
        all.kill(n, false);
    }
    for n in 1..=3 {
        all.start(n);
    }
    let leader = all.elect();
    let value = Some(b("v19"));
    assert_eq!(
        all.ask(leader, get("k5")).result,
        Ok(CommandResult::Get { value })
    );
}

#[test]
fn a_store_starts_from_any_prefix_of_its_writes() {
    let mut all = Loop::new(3);
    some_work(&mut all);
    all.run_ms(500);
    let whole = all.images();
    for n in 1..=3_u64 {
        let writes = all.node(n).writes.clone();
        let mut disk = MemoryDisk::new();
        for write in writes {
            disk.apply(&write);
            let mut disks = whole.clone();
            disks[n as usize - 1].1 = disk.image();
            assert_eq!(audit::check(&disks).findings, []);
            let mut output = types::io::Output::default();
            let store = raftstore::Store::boot(
                &crate::harness::config(n, 3, 9),
                &disk.image(),
                types::time::StoreTime::new(5),
                types::event::EventId::default(),
                &mut output,
            );
            let store = store.expect("every prefix boots");
            let view = &store.view().peers[0];
            assert_eq!(view.applied, view.hard_state.commit);
        }
    }
}

#[test]
fn an_image_makes_the_same_disk_again() {
    let mut all = Loop::new(3);
    some_work(&mut all);
    let disk = &all.node(1).disk;
    let again = MemoryDisk::from_image(&disk.image()).expect("a sound image");
    assert_eq!(&again, disk);
    assert_eq!(raftstore::image::hash(&disk.image()), disk.hash());
    let view = raftstore::image::rows_view(types::id::StoreId::new(1), &disk.image());
    assert_eq!(view.rows.len(), disk.rows().len());
    assert!(view.rows.iter().any(|(_, key)| *key == b("default_k0")));
}

#[test]
fn replicas_tell_the_same_data_hash_at_the_same_index() {
    let mut all = Loop::new(3);
    some_work(&mut all);
    all.run_ms(500);
    let mut hashes = std::collections::BTreeMap::new();
    let mut compared = 0;
    for (_, fact) in &all.facts {
        if let FactBody::Applied { to, data_hash } = fact.body {
            let first = *hashes.entry(to).or_insert(data_hash);
            assert_eq!(first, data_hash, "at {to}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn the_same_inputs_give_the_same_outputs_byte_for_byte() {
    let run = || {
        let mut all = Loop::new(3);
        some_work(&mut all);
        let hashes = [1, 2, 3].map(|n| {
            let store = all.node(n).store.as_ref().expect("up");
            store.state_hash()
        });
        (all.trace, hashes)
    };
    let (one, other) = (run(), run());
    assert!(one.0.len() > 100);
    assert_eq!(one, other);
}

#[test]
fn looking_at_a_store_changes_nothing() {
    let mut all = Loop::new(3);
    some_work(&mut all);
    let store = all.node(1).store.as_ref().expect("up");
    let (before, copy) = (store.state_hash(), store.clone());
    let _ = store.view();
    assert_eq!(store.state_hash(), before);
    assert_eq!(copy.state_hash(), before);
}

#[test]
fn a_region_with_one_peer_leads_as_soon_as_its_disk_allows() {
    let mut all = Loop::new(1);
    all.settle();
    assert_eq!(all.leader(), Some(1));
    assert_eq!(all.ask(1, put("a", "1")).result, Ok(CommandResult::Put));
}
