//! Managers of `drift.yaml`, and warnings about them: their author decides what counts as drift.

use super::managers::Managers;
use crate::config::ManagerConfig;
use crate::model::ManagerClass;

/// Splits managers of `drift.yaml` into those valid `today` (`2026-11-22`) and those that have expired.
#[must_use]
pub fn split_expired(managers: &[ManagerConfig], today: &str) -> (Vec<ManagerConfig>, Vec<ManagerConfig>) {
    let holds = |manager: &ManagerConfig| manager.expires.as_deref().is_none_or(|last| last >= today);
    managers.iter().cloned().partition(holds)
}

/// What a person should know of the managers of `drift.yaml`, a sentence each: which expired, which make a person's tool
/// something else, and which are trusted without a reason.
#[must_use]
pub fn manager_warnings(managers: &[ManagerConfig], today: &str) -> Vec<String> {
    let (held, expired) = split_expired(managers, today);
    let expired = expired.iter().map(|manager| {
        let day = manager.expires.as_deref().unwrap_or_default();
        format!("the class of manager {} expired on {day} and no longer applies", manager.name)
    });
    let hiding = held.iter().filter(|manager| manager.class != ManagerClass::Human).filter_map(|manager| {
        let tools = Managers::person_tools(&manager.name);
        let shown = tools.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if tools.len() > 3 { format!(" and {} more", tools.len() - 3) } else { String::new() };
        let class = format!("{:?}", manager.class).to_lowercase();
        (!tools.is_empty()).then(|| {
            format!(
                "manager {:?} of class {class} covers tools of persons ({shown}{more}): \
                 what is changed with them is not called manual",
                manager.name
            )
        })
    });
    let silent = held.iter().filter(|manager| manager.class == ManagerClass::Platform);
    let silent = silent.filter(|manager| manager.reason.as_ref().is_none_or(|why| why.trim().is_empty()));
    let silent = silent.map(|manager| {
        format!(
            "manager {:?} is trusted as a platform manager: give a `reason`, and perhaps `expires`",
            manager.name
        )
    });
    expired.chain(hiding).chain(silent).collect()
}

#[cfg(test)]
mod tests {
    use super::{manager_warnings, split_expired};
    use crate::config::ManagerConfig;

    fn warnings(text: &str) -> Vec<String> {
        let manager: ManagerConfig = serde_yaml::from_str(text).expect("a manager of the table");
        manager_warnings(&[manager], "2026-06-01")
    }

    #[test]
    fn unsafe_expired_and_unexplained_managers_reported() {
        for (text, expected) in [
            ("{name: paint-operator, class: platform, reason: it paints}", vec![]),
            ("{name: deploy-bot, class: gitops}", vec![]),
            ("{name: k9s-of-ours, class: human}", vec![]),
            ("{name: paint-operator, class: platform}", vec!["give a `reason`"]),
            (
                "{name: kubectl-edit, class: platform, reason: r}",
                vec!["covers tools of persons (kubectl-edit)"],
            ),
            ("{name: 'kubectl-*', class: gitops}", vec!["and"]),
            ("{name: 'k*', class: platform, reason: r}", vec!["covers tools of persons"]),
            ("{name: x, class: platform, reason: r, expires: 2026-01-01}", vec!["expired on 2026-01-01"]),
        ] {
            let found = warnings(text);
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            assert!(
                found.iter().zip(&expected).all(|(found, part)| found.contains(part)),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn manager_config_ends_after_expiry_date() {
        let manager: ManagerConfig =
            serde_yaml::from_str("{name: x, class: platform, expires: 2026-05-31}").expect("a manager");
        let (held, expired) = split_expired(std::slice::from_ref(&manager), "2026-06-01");
        assert_eq!((held.len(), expired.len()), (0, 1));
        assert_eq!(split_expired(&[manager], "2026-05-31").0.len(), 1);
    }
}
