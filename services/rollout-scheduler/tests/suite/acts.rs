//! What people, practices and tests do in a world: calls through the generated clients, as anybody makes them.

use api::Explained;
use client::Peer;
use proto::journal::v1::journal_service_client::JournalServiceClient;
use proto::registry::v1 as registry_wire;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::calendar_service_client::CalendarServiceClient;
use proto::scheduler::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::scheduler::v1::hold_service_client::HoldServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use supplier_simulator::SupplierProfile;
use tonic::Status;

use crate::files::{self, Surgery};
use crate::world::World;

impl World {
    pub(crate) fn peer(&self, account: &str) -> Peer {
        self.replicas[0].peer.with_account(account).unwrap()
    }

    pub(crate) fn programmes(&self, account: &str) -> ProgrammeServiceClient<Peer> {
        ProgrammeServiceClient::new(self.peer(account))
    }

    pub(crate) fn enrolments(&self) -> EnrolmentServiceClient<Peer> {
        EnrolmentServiceClient::new(self.peer("alice"))
    }

    pub(crate) fn holds(&self, account: &str) -> HoldServiceClient<Peer> {
        HoldServiceClient::new(self.peer(account))
    }

    /// The journal service, of the scheduler's journal.
    pub(crate) fn journal(&self, account: &str) -> JournalServiceClient<Peer> {
        JournalServiceClient::new(self.peer(account))
    }

    pub(crate) fn calendar(&self) -> CalendarServiceClient<Peer> {
        CalendarServiceClient::new(self.peer("alice"))
    }

    pub(crate) fn practices(&self) -> PracticeRegistryServiceClient<Peer> {
        self.practice_itself("A81001")
    }

    /// Everybody in one, who speaks for the practice.
    pub(crate) fn practice_itself(&self, practice: &str) -> PracticeRegistryServiceClient<Peer> {
        let account = format!("alice;organisation=practices/{practice}");
        PracticeRegistryServiceClient::new(self.registry.with_account(&account).unwrap())
    }

    /// A request id that was not used before.
    pub(crate) fn request_id(&mut self) -> String {
        self.request_count += 1;
        format!("test-{}", self.request_count)
    }

    pub(crate) async fn import(&mut self, surgeries: &[Surgery]) {
        let files = [
            (registry_wire::DirectoryFormat::Map, files::map(surgeries)),
            (registry_wire::DirectoryFormat::ListSizes, files::lists(surgeries)),
        ];
        for (format, file) in files {
            use registry_wire::import_directory_request::Part;
            let header = registry_wire::ImportHeader {
                format: format.into(),
                request_id: self.request_id(),
                effective_date: "2031-05-01".to_owned(),
                ..Default::default()
            };
            let parts = [Part::Header(header), Part::Data(file.into_bytes().into())];
            let parts = parts.map(|part| registry_wire::ImportDirectoryRequest { part: Some(part) });
            let report = self.practices().import_directory(futures_util::stream::iter(parts)).await.unwrap();
            assert_eq!(report.into_inner().rejected_rows, []);
        }
    }

    pub(crate) async fn update_calendar(&mut self) {
        let request = wire::UpdateCalendarRequest {
            bank_holidays_json: files::BANK_HOLIDAYS.as_bytes().to_vec().into(),
            request_id: self.request_id(),
            ..Default::default()
        };
        self.calendar().update_calendar(request).await.unwrap();
    }

    /// Writes a programme.
    pub(crate) async fn create(&mut self, document: &str) {
        let name = document.lines().find_map(|line| line.strip_prefix("name: ")).unwrap();
        let request = wire::CreateProgrammeRequest {
            programme_id: name.to_owned(),
            specification: document.to_owned(),
            request_id: self.request_id(),
            ..Default::default()
        };
        self.programmes("alice").create_programme(request).await.unwrap();
    }

    /// Writes a programme, has it approved by another person, and gives its practices notice now.
    pub(crate) async fn approve(&mut self, document: &str) {
        self.create(document).await;
        let name = document.lines().find_map(|line| line.strip_prefix("name: ")).unwrap();
        let programme = format!("programmes/{name}");
        self.approve_latest_of(&programme).await;
        let request = wire::ListWavesRequest { parent: programme, ..Default::default() };
        let waves = self.programmes("alice").list_waves(request).await.unwrap().into_inner().waves;
        for wave in waves {
            self.give_notice(&wave.name).await;
        }
    }

    /// Submits the programme's document and has it approved by another person.
    pub(crate) async fn approve_latest(&mut self) {
        self.approve_latest_of(PROGRAMME).await;
    }

    async fn approve_latest_of(&mut self, programme: &str) {
        let name = programme.to_owned();
        let request = wire::SubmitPlanRequest { name, request_id: self.request_id(), ..Default::default() };
        let plan = self.programmes("alice").submit_plan(request).await.unwrap().into_inner().plan.unwrap();
        let request = wire::ApprovePlanRequest {
            name: plan.name,
            plan_hash: plan.plan_hash,
            request_id: self.request_id(),
            ..Default::default()
        };
        let plan = self.programmes("bob").approve_plan(request).await.unwrap().into_inner().plan.unwrap();
        assert_eq!(plan.state(), wire::PlanState::InForce);
    }

    pub(crate) async fn give_notice(&mut self, wave: &str) {
        let request = wire::RecordNoticeDeliveryRequest {
            wave: wave.to_owned(),
            delivered_at: Some(api::time::to_wire(self.clock.now())),
            channel: "letter".to_owned(),
            request_id: self.request_id(),
            ..Default::default()
        };
        self.programmes("alice").record_notice_delivery(request).await.unwrap();
    }

    pub(crate) async fn waves(&self) -> Vec<wire::Wave> {
        let request = wire::ListWavesRequest { parent: PROGRAMME.to_owned(), ..Default::default() };
        self.programmes("alice").list_waves(request).await.unwrap().into_inner().waves
    }

    pub(crate) async fn wave(&self, number: u32) -> wire::Wave {
        let request = wire::GetWaveRequest { name: format!("{PROGRAMME}/waves/{number}"), ..Default::default() };
        self.programmes("alice").get_wave(request).await.unwrap().into_inner().wave.unwrap()
    }

    pub(crate) async fn enrolment(&self, wave: u32, practice: &str) -> wire::Enrolment {
        let name = format!("{PROGRAMME}/waves/{wave}/enrolments/{practice}");
        let request = wire::GetEnrolmentRequest { name, min_position: 0 };
        self.enrolments().get_enrolment(request).await.unwrap().into_inner().enrolment.unwrap()
    }

    /// How many enrolments of the first wave a filter has.
    pub(crate) async fn count(&self, filter: &str) -> usize {
        let request = wire::ListEnrolmentsRequest {
            parent: format!("{PROGRAMME}/waves/1"),
            filter: filter.to_owned(),
            page_size: 1_000,
            ..Default::default()
        };
        self.enrolments().list_enrolments(request).await.unwrap().into_inner().enrolments.len()
    }

    pub(crate) async fn switch_off(&mut self, practice: &str) {
        let request = registry_wire::RequestSwitchOffRequest {
            name: format!("practices/{practice}"),
            request_id: self.request_id(),
            reason_code: "safeguarding".to_owned(),
            ..Default::default()
        };
        self.practice_itself(practice).request_switch_off(request).await.unwrap();
    }

    pub(crate) async fn explain(&self, practice: &str) -> wire::ExplainPracticeResponse {
        let request = wire::ExplainPracticeRequest { practice: format!("practices/{practice}"), ..Default::default() };
        self.enrolments().explain_practice(request).await.unwrap().into_inner()
    }

    pub(crate) async fn is_live(&self, practice: &str) -> bool {
        self.access(practice).await.live
    }

    pub(crate) async fn access(&self, practice: &str) -> registry_wire::CheckAccessResponse {
        let request = registry_wire::CheckAccessRequest { ods_code: practice.to_owned(), ..Default::default() };
        self.practices().check_access(request).await.unwrap().into_inner()
    }

    pub(crate) async fn live_count(&self) -> usize {
        let request = registry_wire::ListPracticesRequest { page_size: 1_000, ..Default::default() };
        let listed = self.practices().list_practices(request).await.unwrap().into_inner().practices;
        listed.iter().filter(|practice| practice.access.iter().any(|access| access.live)).count()
    }

    pub(crate) async fn pause(&mut self, practice: &str, end: registry_wire::PauseEnd) -> registry_wire::Receipt {
        self.pause_of("", practice, end).await
    }

    /// A pause of one capability.
    pub(crate) async fn pause_of(
        &mut self,
        capability: &str,
        practice: &str,
        end: registry_wire::PauseEnd,
    ) -> registry_wire::Receipt {
        let request = registry_wire::PausePracticeRequest {
            name: format!("practices/{practice}"),
            capability: capability.to_owned(),
            end: end.into(),
            request_id: self.request_id(),
            reason_code: "staff-not-trained".to_owned(),
            ..Default::default()
        };
        self.practice_itself(practice).pause_practice(request).await.unwrap().into_inner().receipt.unwrap()
    }

    pub(crate) async fn resume(&mut self, practice: &str) {
        let request = registry_wire::ResumePracticeRequest {
            name: format!("practices/{practice}"),
            request_id: self.request_id(),
            reason_code: "staff-trained".to_owned(),
            ..Default::default()
        };
        self.practice_itself(practice).resume_practice(request).await.unwrap();
    }

    /// A person looks at the practice's settings.
    pub(crate) async fn look(&mut self, practice: &str, state: registry_wire::ObservedState) {
        let observation = registry_wire::Observation {
            practice: format!("practices/{practice}"),
            state: state.into(),
            source: registry_wire::ObservationSource::Inspection.into(),
            ..Default::default()
        };
        let request = registry_wire::RecordObservationRequest {
            observations: vec![observation],
            request_id: self.request_id(),
            ..Default::default()
        };
        self.practices().record_observation(request).await.unwrap();
    }

    /// Who has drifted, and to what.
    pub(crate) async fn drifted(&self) -> Vec<(String, String)> {
        let request = wire::ListEnrolmentsRequest {
            parent: "programmes/spring/waves/-".to_owned(),
            filter: "has(enrolment.drift)".to_owned(),
            ..Default::default()
        };
        let drifted = self.enrolments().list_enrolments(request).await.unwrap().into_inner().enrolments;
        drifted.into_iter().map(|enrolment| (enrolment.ods_code, enrolment.drift)).collect()
    }

    pub(crate) async fn receipt(&self, receipt: &registry_wire::Receipt) -> registry_wire::ReceiptState {
        let request = registry_wire::GetReceiptRequest { name: receipt.name.clone(), ..Default::default() };
        self.practices().get_receipt(request).await.unwrap().into_inner().receipt.unwrap().state()
    }

    pub(crate) async fn hold(&mut self, hold: wire::PlaceHoldRequest) -> wire::PlaceHoldResponse {
        let request = wire::PlaceHoldRequest { request_id: self.request_id(), reason_code: "TEST".to_owned(), ..hold };
        self.holds("carol").place_hold(request).await.unwrap().into_inner()
    }

    /// What happened when: every effect, and since when each practice is live.
    pub(crate) async fn timeline(&self) -> Vec<String> {
        let mut timeline: Vec<String> =
            self.simulator.effects().iter().map(|effect| format!("{} {}", effect.practice, effect.at)).collect();
        let request = registry_wire::ListPracticesRequest { page_size: 1_000, ..Default::default() };
        for practice in self.practices().list_practices(request).await.unwrap().into_inner().practices {
            let recorded = practice.access[0].recorded_at.map(|at| (at.seconds, at.nanos));
            timeline.push(format!("{} {:?}", practice.ods_code, recorded));
        }
        timeline.sort();
        timeline
    }

    /// Every effect at the suppliers, as `A81001 ENABLE 1`.
    pub(crate) fn effects(&self) -> Vec<String> {
        let effects = self.simulator.effects();
        let text = |effect: &supplier_simulator::Effect| {
            let direction = match effect.direction {
                supplier_simulator::Direction::Enable => "ENABLE",
                supplier_simulator::Direction::Disable => "DISABLE",
            };
            let generation = effect.generation.map_or("itself".to_owned(), |generation| generation.to_string());
            format!("{} {direction} {generation}", effect.practice)
        };
        effects.iter().map(text).collect()
    }
}

pub(crate) const PROGRAMME: &str = "programmes/spring";

/// A programme for all practices: one wave on Monday 2 June, nine to five, ten working days' notice.
pub(crate) const ONE_WAVE: &str = "\
name: spring
title: Spring opening
deadline: { date: 2031-10-31, basis: contract }
cohort: 'practice.list_size > 0'
windows:
  - { days: [monday, tuesday, wednesday, thursday, friday], from: '09:00', to: '17:00' }
notice_working_days: 10
gate: { min_success: 0.8, min_sample: 2, soak: 24h, timeout: 48h }
suppliers:
  EMIS: { mode: push }
  TPP: { mode: push }
waves:
  - { wave: 1, title: Everybody, from: 2031-06-02, until: 2031-06-03 }
";

pub(crate) fn prompt(supplier: &str) -> SupplierProfile {
    SupplierProfile::prompt(supplier.parse().unwrap())
}

/// Code and reason of a refusal.
pub(crate) fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> (tonic::Code, String) {
    let status = answer.unwrap_err();
    (status.code(), Explained::from(&status).reason)
}
