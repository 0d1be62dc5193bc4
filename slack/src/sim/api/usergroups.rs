//! `usergroups.users.*`: who is in a user group. Groups are made by people; the app only changes who is in one.

use super::super::world::Record;
use super::{Answer, Call, Refusal};
use serde_json::json;
use std::collections::BTreeSet;

impl Call<'_> {
    /// The members of a group.
    pub(super) fn group_members(&self) -> Answer {
        let group = self.group()?;
        let users: Vec<&String> = self.state.world.usergroups.get(&group).into_iter().flatten().collect();
        Ok(json!({ "users": users }))
    }

    /// Replaces the members of a group. None at all is refused, and so is a program.
    pub(super) fn set_group_members(&mut self) -> Answer {
        let group = self.group()?;
        let asked = self.args.required("users", "no_users_provided")?.to_owned();
        let users: BTreeSet<String> =
            asked.split(',').map(str::trim).filter(|user| !user.is_empty()).map(str::to_owned).collect();
        if users.is_empty() {
            return Err("no_users_provided".into());
        }
        if !users.iter().all(|user| self.is_person(user)) {
            return Err("invalid_users".into());
        }
        self.state.commit(Record::GroupSet { group: group.clone(), users: users.clone() })?;
        Ok(json!({ "usergroup": { "id": group, "users": users, "user_count": users.len() } }))
    }

    fn group(&self) -> Result<String, Refusal> {
        let group = self.args.required("usergroup", "no_such_subteam")?;
        if self.config.usergroups.iter().any(|known| known == group) {
            Ok(group.to_owned())
        } else {
            Err("no_such_subteam".into())
        }
    }
}
