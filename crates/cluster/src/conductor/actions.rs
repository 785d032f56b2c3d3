//! What people do to the cluster. An action takes effect at once, also while a round is open, and
//! is recorded; a refused one changes nothing.

use bytes::Bytes;
use types::{
    action::{Acted, Action, Identity, KEY_BYTES_MAX, Misuse, VALUE_BYTES_MAX},
    id::StoreId,
    settings::{Scope, SettingError, Settings, TABLE},
    store::Command,
};

use super::{Conductor, PAGE_CLIENT};
use crate::{
    network::draw_client_way,
    queue::{Event, after_ms, whole_ms},
    recording::Chance,
    round::HostEffect,
    saved::{STORE_ID_MAX, is_partition},
    slot::{Pause, Slot, SlotLife},
};

impl Conductor {
    /// Does what a person asks. Afterwards there may be effects to take.
    ///
    /// # Errors
    ///
    /// [`Misuse`] when it makes no sense now; nothing has changed.
    pub fn act(&mut self, action: Action) -> Result<Acted, Misuse> {
        let settings = self.check(&action)?;
        if let Action::Kill { store } = action {
            self.note_answer(store);
        }
        self.record(Chance::Act(action.clone()));
        match action {
            Action::Kill { store } => {
                self.drop_owed(store);
                self.end_life(store, SlotLife::Killed);
                self.close_if_complete();
            }
            Action::Start { store } => {
                let (min, max) = (self.settings.disk_ms_min, self.settings.disk_ms_max);
                let due = after_ms(self.now, self.dice.between(min, max));
                self.start_at(store, due);
            }
            Action::Cut { groups } => self.network.cut(groups),
            Action::Heal => {
                self.network.heal();
                self.fly_again();
            }
            Action::Set { .. } => {
                let before = std::mem::replace(&mut self.settings, settings);
                self.settings_changed(&before);
            }
            Action::Operator { request } => {
                self.push_by_client_way(Event::Operator { request });
            }
            Action::Block { ways } => self.network.block(ways),
            Action::Rule { store, name } => {
                let due = whole_ms(self.now);
                self.slot(store).rules = name;
                self.queue.push(due, Event::Rules { store });
            }
            Action::Link { from, to, plan } => self.set_link(from, to, plan),
            Action::Message {
                id,
                duplicate,
                deed,
            } => self.handle_message((id, duplicate), deed),
            Action::Admin { store, request } => {
                let way = draw_client_way(&self.settings, &mut self.dice);
                let due = after_ms(self.now, way);
                self.queue.push(due, Event::Admin { store, request });
            }
            Action::Pause { store } => self.slot(store).pause = Some(Pause::default()),
            Action::Resume { store } => self.resume_store(store),
            Action::Drift { store, rate } => self.drift(store, rate),
            Action::FillDisk { store, full } => self.fill_disk(store, full),
            Action::CorruptRow { store, nth } => {
                self.effects.push(HostEffect::Corrupt { store, nth });
            }
            Action::Wipe { store, identity } => {
                return Ok(Acted::ReturnsAs(self.wipe(store, identity)));
            }
            Action::Submit { command, via } => {
                let operation = self.with_client(PAGE_CLIENT, |client, desk| {
                    client.submit(command, via, desk)
                });
                return Ok(Acted::Submitted(operation.expect("the page has a client")));
            }
        }
        Ok(Acted::Done)
    }

    /// The settings after the action, if it makes sense now.
    fn check(&self, action: &Action) -> Result<Settings, Misuse> {
        match action {
            Action::Kill { store } => {
                let store = *store;
                if !self.existing(store)?.is_alive() {
                    return Err(Misuse::NotRunning { store });
                }
            }
            Action::Start { store } => {
                let store = *store;
                if self.existing(store)?.is_alive() {
                    return Err(Misuse::AlreadyRunning { store });
                }
            }
            Action::Pause { store } => {
                self.check_pausable(*store)?;
            }
            Action::Resume { store } => {
                let store = *store;
                if self.existing(store)?.pause.is_none() {
                    return Err(Misuse::NotPaused { store });
                }
            }
            Action::Drift { store, rate } => {
                self.existing(*store)?;
                if !rate.is_valid() {
                    return Err(Misuse::BadRate);
                }
            }
            Action::FillDisk { store, .. } => drop(self.existing(*store)?),
            Action::CorruptRow { store, .. } => self.check_down(*store)?,
            Action::Wipe { store, identity } => self.check_wipe(*store, *identity)?,
            Action::Cut { groups } => {
                if !is_partition(groups, &self.servers()) {
                    return Err(Misuse::BadGroups);
                }
            }
            Action::Heal => {}
            Action::Operator { .. } => {
                self.existing(StoreId::SCHEDULER)
                    .map_err(|_| Misuse::NoScheduler)?;
            }
            Action::Block { ways } => {
                for &(from, to) in ways {
                    self.existing(from)?;
                    self.existing(to)?;
                }
            }
            Action::Link { from, to, plan } => self.check_link(*from, *to, plan.as_ref())?,
            Action::Message {
                id,
                duplicate,
                deed,
            } => self.check_message((*id, *duplicate), *deed)?,
            Action::Admin { store, .. } | Action::Rule { store, .. } => {
                self.existing(*store)?;
            }
            Action::Submit { command, via } => {
                check_command(command)?;
                via.map_or(Ok(()), |store| self.existing(store).map(|_| ()))?;
            }
            Action::Set { name, value } => return self.changed_settings(name, *value),
        }
        Ok(self.settings)
    }

    /// The scheduler's disk stays: the ids that it handed out are known nowhere else.
    fn check_wipe(&self, store: StoreId, identity: Identity) -> Result<(), Misuse> {
        if store == StoreId::SCHEDULER {
            return Err(Misuse::NoSuchStore { store });
        }
        self.check_down(store)?;
        if identity == Identity::New && self.next_store.get() >= STORE_ID_MAX {
            return Err(Misuse::NoIdLeft);
        }
        Ok(())
    }

    /// The machines that read a setting hear of its new value.
    fn settings_changed(&mut self, before: &Settings) {
        let now = self.settings;
        let for_stores = now.store_options() != before.store_options();
        let for_scheduler = now.scheduler_options() != before.scheduler_options();
        let due = whole_ms(self.now);
        let stores: Vec<StoreId> = self.slots.keys().copied().collect();
        for store in stores {
            let concerns = if store == StoreId::SCHEDULER {
                for_scheduler
            } else {
                for_stores
            };
            if concerns {
                self.queue.push(due, Event::Options { store });
            }
        }
    }

    /// The stores, without the scheduler.
    fn servers(&self) -> Vec<StoreId> {
        let stores = self.slots.keys().copied();
        stores.filter(|id| *id != StoreId::SCHEDULER).collect()
    }

    fn changed_settings(&self, name: &str, value: u64) -> Result<Settings, Misuse> {
        let (mut settings, name) = (self.settings, name.to_owned());
        let spec = TABLE.iter().find(|spec| spec.name == name);
        match spec.map(|spec| spec.scope) {
            None => return Err(SettingError::Unknown { name }.into()),
            Some(Scope::NewCluster) => return Err(Misuse::NotLive { name }),
            Some(Scope::Live) => settings.set(&name, &value.to_string())?,
        }
        Ok(settings)
    }

    fn check_pausable(&self, store: StoreId) -> Result<(), Misuse> {
        let slot = self.existing(store)?;
        if slot.life != SlotLife::Up {
            return Err(Misuse::NotRunning { store });
        }
        if slot.pause.is_some() {
            return Err(Misuse::AlreadyPaused { store });
        }
        Ok(())
    }

    fn check_down(&self, store: StoreId) -> Result<(), Misuse> {
        if self.existing(store)?.is_alive() {
            return Err(Misuse::NotDown { store });
        }
        Ok(())
    }

    pub(super) fn existing(&self, store: StoreId) -> Result<&Slot, Misuse> {
        self.slots.get(&store).ok_or(Misuse::NoSuchStore { store })
    }
}

fn check_command(command: &Command) -> Result<(), Misuse> {
    let fits = |bytes: usize, limit: u64| {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes <= limit {
            Ok(())
        } else {
            Err(Misuse::TooLong { bytes, limit })
        }
    };
    match command {
        Command::Scan { .. } => {}
        _ if command.key().is_empty() => return Err(Misuse::EmptyKey),
        _ => {}
    }
    match command {
        Command::Put { key, value } | Command::Append { key, value } => {
            fits(key.len(), KEY_BYTES_MAX)?;
            fits(value.len(), VALUE_BYTES_MAX)
        }
        Command::CompareAndSet { key, expected, new } => {
            fits(key.len(), KEY_BYTES_MAX)?;
            fits(expected.as_ref().map_or(0, Bytes::len), VALUE_BYTES_MAX)?;
            fits(new.len(), VALUE_BYTES_MAX)
        }
        Command::Delete { key } | Command::Get { key } => fits(key.len(), KEY_BYTES_MAX),
        Command::Scan { start, end, .. } => {
            fits(start.len(), KEY_BYTES_MAX)?;
            fits(end.len(), KEY_BYTES_MAX)
        }
    }
}
