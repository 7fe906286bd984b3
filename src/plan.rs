//! The build plan: the entry that detect provides, and the requirements of other buildpacks.

use crate::config::{Activation, WATCHEXEC_VERSION};
use crate::log::Log;
use libcnb::data::build_plan::{BuildPlan, BuildPlanBuilder, Require};
use libcnb::data::buildpack_plan::{BuildpackPlan, Entry};
use toml::{Table, Value};
use watchexec_release::requirement::Requirement;

/// The name under which other buildpacks require watchexec.
pub(crate) const PLAN_ENTRY: &str = "watchexec";
/// The origin of a requirement, for people.
const BUILD_PLAN: &str = "the build plan";

/// The build plan of a passing detect; `None` if the buildpack does not take part.
///
/// It provides and requires watchexec, so that the setting alone puts it into the image; other
/// buildpacks may require it too (CNB buildpack spec, "Build Plan").
pub(crate) fn build_plan(activation: &Activation) -> Option<BuildPlan> {
    activation.is_on.then(|| {
        let mut require = Require::new(PLAN_ENTRY);
        require.metadata = Table::from_iter([("launch".to_owned(), true.into())]);
        BuildPlanBuilder::new()
            .provides(PLAN_ENTRY)
            .requires(require)
            .build()
    })
}

/// The requirements of the build plan.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// Whether another buildpack requires watchexec, to wrap a process with it.
    pub required_by_others: bool,
    /// Whether a buildpack wants to run watchexec during the build.
    pub required_at_build: bool,
    /// The versions that the requiring buildpacks accept, as they wrote them.
    pub versions: Vec<Value>,
}

impl Plan {
    /// Reads the entries that the lifecycle resolved for this buildpack.
    pub(crate) fn read(plan: &BuildpackPlan) -> Self {
        let entries: Vec<&Entry> = plan
            .entries
            .iter()
            .filter(|entry| entry.name == PLAN_ENTRY)
            .collect();
        Self {
            // One entry is the buildpack's own (see `build_plan`).
            required_by_others: entries.len() > 1,
            required_at_build: entries
                .iter()
                .any(|entry| entry.metadata.get("build") == Some(&true.into())),
            versions: entries
                .iter()
                .filter_map(|entry| entry.metadata.get("version"))
                .filter(|version| version.as_str().is_none_or(|text| !text.trim().is_empty()))
                .cloned()
                .collect(),
        }
    }

    /// The requirements that the version has to satisfy: the user's own, or else those of all
    /// buildpacks.
    ///
    /// # Errors
    /// A buildpack's requirement is invalid, and no requirement of the user overrides it.
    pub(crate) fn requirements(
        &self,
        own: Option<&Requirement>,
        log: &Log,
    ) -> Result<Vec<Requirement>, String> {
        if let Some(own) = own {
            for version in &self.versions {
                log.debug(format_args!(
                    "{WATCHEXEC_VERSION} overrides the version {version} from the build plan"
                ));
            }
            return Ok(vec![own.clone()]);
        }
        self.versions
            .iter()
            .map(|version| match version {
                Value::String(text) => Requirement::parse(text, BUILD_PLAN),
                // The number 2.10 is 2.1.
                other => {
                    let why = format!("it is a TOML {}, not a string", other.type_str());
                    Err(Requirement::invalid(&other.to_string(), BUILD_PLAN, &why))
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::testing::recording;

    fn activation(is_on: bool) -> Activation {
        let line = String::new();
        Activation { is_on, line }
    }

    fn plan(text: &str) -> Plan {
        Plan::read(&toml::from_str(text).unwrap())
    }

    #[test]
    fn provides_and_requires_watchexec_for_launch() {
        let plan = build_plan(&activation(true)).unwrap();
        insta::assert_snapshot!(toml::to_string(&plan).unwrap(), @r#"
        [[provides]]
        name = "watchexec"

        [[requires]]
        name = "watchexec"

        [requires.metadata]
        launch = true
        "#);
    }

    #[test]
    fn takes_no_part_when_off() {
        assert!(build_plan(&activation(false)).is_none());
    }

    #[test]
    fn ignores_its_own_entry() {
        assert_eq!(
            plan("[[entries]]\nname = 'watchexec'\nmetadata = { launch = true }"),
            Plan {
                required_by_others: false,
                required_at_build: false,
                versions: vec![],
            }
        );
    }

    #[test]
    fn combines_entries_of_other_buildpacks() {
        assert_eq!(
            plan(
                "
                [[entries]]
                name = 'watchexec'
                metadata = { launch = true }

                [[entries]]
                name = 'watchexec'
                metadata = { build = true, version = '2.*' }

                [[entries]]
                name = 'watchexec'
                metadata = { version = '' }

                [[entries]]
                name = 'something-else'
                metadata = { version = '9' }
                "
            ),
            Plan {
                required_by_others: true,
                required_at_build: true,
                versions: vec!["2.*".into()],
            }
        );
    }

    #[test]
    fn prefers_the_version_of_the_user_to_the_plan() {
        let plan = Plan {
            required_by_others: true,
            required_at_build: false,
            versions: vec!["2.*".into(), "latest".into()],
        };
        let (log, recording) = recording(true);
        let own = Requirement::parse("2.5", WATCHEXEC_VERSION).unwrap();
        assert_eq!(plan.requirements(Some(&own), &log), Ok(vec![own.clone()]));
        assert!(
            recording
                .text()
                .contains("overrides the version \"latest\"")
        );
        let error = plan.requirements(None, &log).unwrap_err();
        assert!(
            error.starts_with("the build plan asks for \"latest\""),
            "{error}"
        );
    }

    #[test]
    fn rejects_a_version_that_is_a_number() {
        for (number, text) in [
            ("2.5", "2.5"),
            ("2.10", "2.1"),
            ("2", "2"),
            ("['2.5']", "[\"2.5\"]"),
        ] {
            let plan = plan(&format!(
                "[[entries]]\nname = 'watchexec'\nmetadata = {{ version = {number} }}"
            ));
            let error = plan.requirements(None, &recording(false).0).unwrap_err();
            let start = format!("the build plan asks for {text:?}, ");
            assert!(error.starts_with(&start), "{error}");
            let own = Requirement::parse("2.5", WATCHEXEC_VERSION).unwrap();
            assert!(plan.requirements(Some(&own), &recording(false).0).is_ok());
        }
    }
}
