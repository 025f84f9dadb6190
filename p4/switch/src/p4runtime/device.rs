//! The device: its forwarding-pipeline configurations, and the entities under them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bmv2_json::Document;
use p4runtime_proto::p4::config::v1::table::IdleTimeoutBehavior;
use p4runtime_proto::p4::v1::{
    self, ForwardingPipelineConfig, set_forwarding_pipeline_config_request::Action,
    write_request::Atomicity,
};

use super::entity::{
    Carried, Cursor, Notes, PortNumbers, Preparer, Reader, UndoRoom, Writer, no_entity, snapshot,
};
use super::refusal::Refusal;
use super::role::Access;
use super::schema::Schema;
use super::translation::Ports;
use crate::{State, Switch, SwitchConfig};

type Result<T> = std::result::Result<T, Refusal>;

/// A configuration and the switch that has its state: the running one, or for a configuration
/// that is saved and not committed one without ports.
struct Pipeline {
    config: ForwardingPipelineConfig,
    document: Document,
    schema: Arc<Schema>,
    notes: Notes,
    switch: Switch,
}

/// The device that the server controls.
pub(crate) struct Device {
    switch: Switch,
    switch_config: SwitchConfig,
    /// What packets are processed by.
    active: Option<Pipeline>,
    /// From VERIFY_AND_SAVE to COMMIT: what requests refer to.
    saved: Option<Pipeline>,
}

impl Device {
    /// A device without configuration.
    pub(crate) fn new(switch: Switch, switch_config: SwitchConfig) -> Self {
        Self {
            switch,
            switch_config,
            active: None,
            saved: None,
        }
    }

    /// The P4Info of the configuration that packets are processed by.
    pub(crate) fn running_schema(&self) -> Option<Arc<Schema>> {
        self.active.as_ref().map(|pipeline| pipeline.schema.clone())
    }

    /// The digests to report.
    pub(crate) fn digests(&self) -> Vec<(u32, v1::digest_entry::Config)> {
        let notes = self.active.as_ref().map(|pipeline| &pipeline.notes);
        let digests = notes.into_iter().flat_map(|notes| &notes.digests);
        digests.map(|(id, config)| (*id, *config)).collect()
    }

    /// The configuration that requests refer to, as it was set.
    pub(crate) fn config(&self) -> Option<&ForwardingPipelineConfig> {
        let pipeline = self.saved.as_ref().or(self.active.as_ref());
        pipeline.map(|pipeline| &pipeline.config)
    }

    /// Carries out the updates of a batch, and gives the error of each (section 12.2).
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` if there is no forwarding-pipeline configuration.
    pub(crate) fn write(
        &mut self,
        access: &Access,
        updates: &[v1::Update],
        atomicity: Atomicity,
    ) -> Result<Vec<v1::Error>> {
        let ports = self.ports();
        let pipeline = self.saved.as_mut().or(self.active.as_mut());
        pipeline
            .ok_or_else(no_pipeline)?
            .write(access, &ports, updates, atomicity)
    }

    /// Whether the running program has tables with idle timeouts.
    pub(crate) fn has_idle_timeouts(&self) -> bool {
        self.active.as_ref().is_some_and(|pipeline| {
            let mut tables = pipeline.schema.tables.values();
            tables.any(|table| table.idle_timeout != IdleTimeoutBehavior::NoTimeout)
        })
    }

    /// The entries that have been idle for as long as their timeouts say, by table.
    pub(crate) fn expired(&mut self) -> BTreeMap<u32, Vec<v1::TableEntry>> {
        let now = self.switch_config.clock.microseconds();
        let Some(Pipeline {
            schema,
            notes,
            switch,
            ..
        }) = &mut self.active
        else {
            return BTreeMap::new();
        };
        let mut expired = BTreeMap::new();
        while notes.timer_is_due(now) {
            let part = switch.read(|state| Ok(notes.expire(now, schema, state, &mut expired)));
            if let Err(error) = part.map_err(Refusal::from).and_then(|part| part) {
                tracing::error!(%error, "idle timeouts");
                break;
            }
        }
        expired
    }

    /// Checks the requests of a batch as a whole.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` if there is no forwarding-pipeline configuration;
    /// `INVALID_ARGUMENT` if an entity is not set (section 13.2).
    pub(crate) fn check_read(&self, requests: &[v1::Entity]) -> Result<()> {
        self.pipeline()?;
        if requests.iter().any(|request| request.entity.is_none()) {
            return Err(no_entity());
        }
        Ok(())
    }

    /// Answers a part of one request, and gives where the next part starts.
    ///
    /// # Errors
    /// That of the request.
    pub(crate) fn read(
        &self,
        access: &Access,
        request: &v1::Entity,
        from: Cursor,
        found: &mut Vec<v1::Entity>,
    ) -> Result<Option<Cursor>> {
        let pipeline = self.pipeline()?;
        pipeline.read(|reader| reader.read(access, request, from, found))
    }

    /// What requests refer to.
    fn pipeline(&self) -> Result<&Pipeline> {
        let pipeline = self.saved.as_ref().or(self.active.as_ref());
        pipeline.ok_or_else(no_pipeline)
    }

    /// Section 14.
    ///
    /// # Errors
    /// As the section says, with the words of what does not fit.
    pub(crate) fn set_pipeline(
        &mut self,
        action: Action,
        config: Option<ForwardingPipelineConfig>,
    ) -> Result<()> {
        if action == Action::Commit {
            if config.is_some() {
                return Err(Refusal::invalid_argument(
                    "COMMIT takes the saved configuration, it must not be given another",
                ));
            }
            let saved = self.saved.as_ref().ok_or_else(|| {
                Refusal::not_found("there is no saved configuration: VERIFY_AND_SAVE comes first")
            })?;
            let updates = saved.read(snapshot)?;
            let notes = self.realize(saved, Some(&updates), None)?;
            if let Some(saved) = self.saved.take() {
                self.activate(saved, notes);
            }
            return Ok(());
        }
        let config = config.ok_or_else(|| {
            Refusal::invalid_argument("the forwarding-pipeline configuration is not set")
        })?;
        match action {
            Action::Verify => self.verify(config).map(drop),
            Action::VerifyAndSave => {
                self.saved = Some(self.verify(config)?);
                Ok(())
            }
            Action::VerifyAndCommit => {
                let pipeline = self.verify(config)?;
                let notes = self.realize(&pipeline, None, None)?;
                self.activate(pipeline, notes);
                Ok(())
            }
            Action::ReconcileAndCommit => self.reconcile(config),
            Action::Unspecified | Action::Commit => Err(Refusal::invalid_argument(
                "the action is not set: it is one of VERIFY, VERIFY_AND_SAVE, VERIFY_AND_COMMIT, \
                 COMMIT and RECONCILE_AND_COMMIT",
            )),
        }
    }

    /// Whether the switch can realise a configuration. What it gives has a switch of its own,
    /// without ports.
    fn verify(&self, config: ForwardingPipelineConfig) -> Result<Pipeline> {
        let info = config
            .p4info
            .as_ref()
            .ok_or_else(|| Refusal::invalid_argument("the p4info is not set"))?;
        if config.p4_device_config.is_empty() {
            return Err(Refusal::invalid_argument(
                "the p4_device_config is not set: it is the BMv2 JSON that the compiler wrote",
            ));
        }
        let document = Document::from_json(&config.p4_device_config).map_err(|error| {
            Refusal::invalid_argument(format!("the p4_device_config is not a BMv2 JSON: {error}"))
        })?;
        let ports = Ports {
            switch: self.switch.clone(),
            cpu_port: self.switch_config.cpu_port,
        };
        let mut schema = Schema::new(info, &ports)?;
        let (switch, _events) = Switch::new(self.switch_config.clone());
        let unloadable = |error| {
            Refusal::invalid_argument(format!(
                "this switch cannot run the BMv2 JSON of the p4_device_config: {error}"
            ))
        };
        switch.load(&document).map_err(unloadable)?;
        switch.read(|state| Ok(schema.check(&document, state)))??;
        switch.write(|state| {
            schema.open(state);
            Ok(())
        })?;
        let pipeline = Pipeline {
            config,
            document,
            schema: Arc::new(schema),
            notes: Notes::default(),
            switch,
        };
        if pipeline.schema.gives_numbers() {
            pipeline.read(|reader| reader.see_entries())?;
        }
        Ok(pipeline)
    }

    /// Makes packets be processed by a verified configuration, with the state that `updates` make,
    /// or else the one that the program starts with: packets see the old program and state, then
    /// the new ones. What packets do meanwhile in the state of `running`, from which the updates
    /// are, is carried over. Gives the notes of the new state; the old program goes on if there is
    /// an error.
    fn realize(
        &self,
        pipeline: &Pipeline,
        updates: Option<&[v1::Update]>,
        running: Option<&Pipeline>,
    ) -> Result<Notes> {
        let ports = self.ports();
        let mut notes = Notes::default();
        let fill = |state: &mut State| {
            pipeline.schema.open(state);
            let Some(updates) = updates else {
                return Ok(Vec::new());
            };
            pipeline.schema.clear(state)?;
            let program = state.program.clone();
            let preparer = Preparer {
                schema: &pipeline.schema,
                program: &program,
                ports: &ports,
                bringing_back: true,
            };
            {
                let mut writer = Writer::new(preparer, &mut notes, state);
                let full = Access::default();
                for update in updates {
                    writer.write(preparer.prepare(&full, update)?)?;
                }
            }
            match running {
                None => Ok(Vec::new()),
                Some(running) => {
                    let new = Reader {
                        schema: &pipeline.schema,
                        notes: &notes,
                        state,
                    };
                    running.read(|old| Carried::between(old, &new, updates))
                }
            }
        };
        let carry = |carried: Vec<Carried>, old: &State, new: &State| {
            carried.iter().for_each(|what| what.copy(old, new));
        };
        self.switch
            .load_carrying(&pipeline.document, fill, carry)
            .map_err(|error| Refusal::internal(format!("a verified configuration: {error}")))?;
        Ok(notes)
    }

    /// The configuration has been realized: requests refer to it.
    fn activate(&mut self, pipeline: Pipeline, notes: Notes) {
        self.saved = None;
        self.active = Some(Pipeline {
            notes,
            switch: self.switch.clone(),
            ..pipeline
        });
    }

    /// RECONCILE_AND_COMMIT: a new configuration with the state of the old one.
    fn reconcile(&mut self, config: ForwardingPipelineConfig) -> Result<()> {
        let mut new = self.verify(config)?;
        let Some(old) = self.saved.as_ref().or(self.active.as_ref()) else {
            let notes = self.realize(&new, None, None)?;
            self.activate(new, notes);
            return Ok(());
        };
        let same = new.document == old.document && new.config.p4info == old.config.p4info;
        if same && self.saved.is_none() {
            if let Some(active) = &mut self.active {
                active.config = new.config;
            }
            return Ok(());
        }
        let updates = old.read(snapshot)?;
        new.schema.keep_numbers(&old.schema);
        if let Some(error) = new.replay(&self.ports(), &updates)? {
            return Err(Refusal::invalid_argument(format!(
                "the forwarding state cannot be kept under the new configuration: {}; use \
                 VERIFY_AND_COMMIT, which clears it",
                error.message
            )));
        }
        // No packet is processed by a configuration that is only saved.
        let running = self.saved.is_none().then_some(old);
        let notes = self.realize(&new, Some(&updates), running)?;
        self.activate(new, notes);
        Ok(())
    }

    fn ports(&self) -> PortNumbers {
        PortNumbers {
            ports: self.switch.ports().iter().map(|port| port.number).collect(),
            cpu: self.switch_config.cpu_port,
        }
    }
}

impl Pipeline {
    fn write(
        &mut self,
        access: &Access,
        ports: &PortNumbers,
        updates: &[v1::Update],
        atomicity: Atomicity,
    ) -> Result<Vec<v1::Error>> {
        self.carry_out(access, ports, updates, atomicity, false)
    }

    /// Carries out updates of a client, or those that bring back a state.
    fn carry_out(
        &mut self,
        access: &Access,
        ports: &PortNumbers,
        updates: &[v1::Update],
        atomicity: Atomicity,
        bringing_back: bool,
    ) -> Result<Vec<v1::Error>> {
        let program = self.switch.read(|state| Ok(state.program.clone()))?;
        let preparer = Preparer {
            schema: &self.schema,
            program: &program,
            ports,
            bringing_back,
        };
        let prepare = |update| preparer.prepare(access, update);
        // Memory for all of them is taken before packets wait, and given back after it.
        let mut prepared: Vec<_> = updates.iter().map(prepare).collect();
        let undo = UndoRoom::new(updates.len());
        self.switch.read(|state| {
            let ready = prepared.iter().flatten();
            ready.for_each(|update| update.look_up(state));
            Ok(())
        })?;
        let notes = &mut self.notes;
        // Packets wait from here on,
        let written = self.switch.write(|state: &mut State| {
            let writer = Writer::new(preparer, notes, state).undo_in(undo);
            Ok(writer.write_batch(prepared.drain(..), atomicity))
        })?;
        // to here.
        Ok(written.errors(updates.len()))
    }

    /// Writes what [`snapshot`] gave; the first error, if there is one.
    fn replay(&mut self, ports: &PortNumbers, updates: &[v1::Update]) -> Result<Option<v1::Error>> {
        let schema = self.schema.clone();
        self.switch.write(|state| Ok(schema.clear(state)))??;
        let full = Access::default();
        let errors = self.carry_out(&full, ports, updates, Atomicity::default(), true)?;
        Ok(errors.into_iter().find(|error| !error.is_ok()))
    }

    fn read<T>(&self, f: impl FnOnce(&Reader<'_>) -> Result<T>) -> Result<T> {
        let (schema, notes) = (&self.schema, &self.notes);
        self.switch.read(|state: &State| {
            Ok(f(&Reader {
                schema,
                notes,
                state,
            }))
        })?
    }
}

fn no_pipeline() -> Refusal {
    Refusal::failed_precondition(
        "there is no forwarding-pipeline configuration: SetForwardingPipelineConfig comes first",
    )
}
