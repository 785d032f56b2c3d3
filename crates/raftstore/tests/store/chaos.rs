//! Random faults: nothing acknowledged is lost, and every disk stays sound.

use proptest::prelude::*;
use raftstore::audit::{self, Acknowledged};
use types::{id::StoreId, store::CommandResult};

use crate::harness::{Loop, b, get, put};

#[derive(Debug, Clone)]
enum Step {
    Put(u64),
    Get(u64),
    Kill { store: u64, write_lands: bool },
    Start(u64),
    Cut(u64),
    Heal,
    Stall(u64),
    Flow,
    Run(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let store = 1_u64..4;
    let step = prop_oneof![
        6 => store.clone().prop_map(Step::Put),
        1 => store.clone().prop_map(Step::Get),
        1 => (store.clone(), any::<bool>())
            .prop_map(|(store, write_lands)| Step::Kill { store, write_lands }),
        2 => store.clone().prop_map(Step::Start),
        1 => store.clone().prop_map(Step::Cut),
        1 => Just(Step::Heal),
        1 => store.prop_map(Step::Stall),
        1 => Just(Step::Flow),
        5 => (1_u64..1_500).prop_map(Step::Run),
    ];
    prop::collection::vec(step, 10..80)
}

/// Sends a command to whoever leads, or to `n`, and leaves the answer for later.
fn submit(all: &mut Loop, n: u64, is_put: bool, sent: &mut Vec<types::store::RequestId>) {
    let to = all.leader().filter(|_| n != 1).unwrap_or(n);
    if all.node(to).store.is_none() {
        return;
    }
    // The request's number makes key and value unique.
    let name = format!("{}", sent.len());
    let command = if is_put { put(&name, &name) } else { get("0") };
    sent.push(all.submit(to, command));
}

fn step(all: &mut Loop, step: &Step, sent: &mut Vec<types::store::RequestId>) {
    match *step {
        Step::Put(n) => submit(all, n, true, sent),
        Step::Get(n) => submit(all, n, false, sent),
        Step::Kill { store, write_lands } => all.kill(store, write_lands),
        Step::Start(n) if all.node(n).store.is_none() => all.start(n),
        Step::Start(_) => {}
        Step::Cut(n) => {
            all.cut.insert(StoreId::new(n));
        }
        Step::Heal => all.cut.clear(),
        Step::Stall(n) => all.node(n).disk_stalls = true,
        Step::Flow => all
            .nodes
            .iter_mut()
            .for_each(|node| node.disk_stalls = false),
        Step::Run(ms) => all.run_ms(ms),
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(150)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_acknowledged_is_lost_and_every_disk_stays_sound(steps in steps()) {
        let mut all = Loop::new(3);
        let mut sent = Vec::new();
        for one in &steps {
            step(&mut all, one, &mut sent);
            prop_assert_eq!(audit::check(&all.images()).findings, vec![]);
        }
        let acknowledged: Vec<Acknowledged> = sent
            .iter()
            .enumerate()
            .filter(|(_, id)| all.answers(**id).iter().any(|r| r.result == Ok(CommandResult::Put)))
            .map(|(at, _)| Acknowledged {
                key: b(&at.to_string()),
                value: Some(b(&at.to_string())),
            })
            .collect();
        prop_assert_eq!(audit::check_acknowledged(&all.images(), &acknowledged).findings, vec![]);
        for one in [Step::Flow, Step::Heal, Step::Start(1), Step::Start(2), Step::Start(3)] {
            step(&mut all, &one, &mut sent);
        }
        all.run_ms(3_000);
        let leader = all.elect();
        all.ask(leader, put("end", "1"));
        all.run_ms(2_000);
        let report = audit::check_acknowledged(&all.images(), &acknowledged);
        prop_assert_eq!(report.findings, vec![]);
        let views = [1, 2, 3].map(|n| all.node(n).view());
        prop_assert_eq!(&views[0].data, &views[1].data);
        prop_assert_eq!(&views[0].data, &views[2].data);
        for write in &acknowledged {
            let pair = (write.key.clone(), write.key.clone());
            prop_assert!(views[0].data.contains(&pair), "{:?} is gone", write.key);
        }
        for id in &sent {
            prop_assert!(all.answers(*id).len() <= 1);
        }
    }
}
