// The decisions of Test Connection: no I/O.
#include "sync/databricks/errors.hpp"
#include "sync/profiles/connection_test.hpp"
#include "sync/profiles/lease.hpp"
#include "sync/profiles/succession.hpp"

#include <algorithm>

namespace lakeferry::profiles {

namespace {

using state = requirement_state;

bool begins(const std::string& text, std::string_view with) { return text.starts_with(with); }

requirement line(std::string id, std::string title, state s, std::string text, std::string grant = {})
{
    return {std::move(id), std::move(title), s, std::move(text), std::move(grant)};
}

struct wanted {
    const char* id;
    const char* privilege;
    const char* kind;  // "CATALOG", "SCHEMA", "VOLUME"
    std::string object;
};

requirement judge(const wanted& w, const seen_object& at, const std::string& principal, state if_missing = state::missing)
{
    const std::string title = std::string(w.privilege) + " on " + w.object;
    if (at.rights.has(w.privilege)) return line(w.id, title, state::ok, at.rights.owner ? "by ownership" : "held");
    if (at.failed) return line(w.id, title, state::unknown, at.failed->detail);
    return line(w.id, title, if_missing, "not held",
                databricks::grant_text({w.privilege, w.kind, w.object}, principal));
}

}  // namespace

const char* to_string(requirement_state s) noexcept
{
    switch (s) {
        case state::ok: return "ok";
        case state::missing: return "missing";
        case state::advice: return "advice";
        case state::unknown: return "unknown";
    }
    return "unknown";
}

bool connection_report::ready() const noexcept
{
    return std::none_of(lines.begin(), lines.end(),
                        [](const requirement& r) { return r.state == state::missing || r.state == state::unknown; });
}

std::vector<std::string> connection_report::grants() const
{
    std::vector<std::string> all;
    for (const auto& one : lines)
        if (!one.grant.empty() && std::find(all.begin(), all.end(), one.grant) == all.end()) all.push_back(one.grant);
    return all;
}

std::vector<requirement> judge_token(const std::optional<rt::failure>& failed, const std::string& host)
{
    const bool secure = begins(host, "https://");
    const auto tls = [&](state s, std::string text) { return line("tls", "TLS", s, std::move(text)); };
    const auto fine_tls = tls(state::ok, secure ? "the certificate is valid for the host" : "not used on this loopback host");
    if (!failed)
        return {line("host", "host " + host, state::ok, "answers"), fine_tls, line("token", "token", state::ok, "issued and accepted")};
    const std::string& id = failed->id;
    if (begins(id, "credential."))
        return {line("host", "host " + host, state::unknown, "was not asked: there is no secret to ask with"),
                line("token", "token", state::missing, failed->detail)};
    if (id == "connect.tls" || id == "workspace.tls")
        return {line("host", "host " + host, state::ok, "answers"), tls(state::missing, failed->detail)};
    const bool no_peer = begins(id, "connect.") || begins(id, "http.") || begins(id, "workspace.") || id == "auth.timeout" ||
                         id == "auth.not_databricks";
    const bool no_way = begins(id, "connect.");
    const std::string cure = no_way ? ". Check databricks.workspace_url and port, and the way there from this machine" : "";
    if (no_peer) return {line("host", "host " + host, state::missing, failed->detail + cure)};
    return {line("host", "host " + host, state::ok, "answers"), fine_tls, line("token", "token", state::missing, failed->detail)};
}

std::vector<requirement> judge_warehouse(const databricks::warehouse_info& w)
{
    std::vector<requirement> all;
    const auto advise = [&](const char* id, const char* title, std::string text) {
        all.push_back(line(id, title, state::advice, std::move(text)));
    };
    if (!w.size.empty() && w.size != "Small")
        advise("warehouse_size", "warehouse size",
               "it is " + w.size + "; Small is enough for Profiles Sync, and smaller ones may spill while merging");
    if (!w.serverless) {
        if (w.type == "CLASSIC")
            advise("warehouse_kind", "warehouse kind",
                   "it is a classic one; a serverless one starts in seconds instead of minutes, else take Pro");
        else
            advise("warehouse_kind", "warehouse kind",
                   "it is not serverless: it starts in minutes instead of seconds, and each run waits for that");
    }
    if (w.max_clusters != 0 && (w.max_clusters < 2 || w.max_clusters > 6))
        advise("warehouse_clusters", "warehouse scaling",
               "it scales from " + std::to_string(std::max(1, w.min_clusters)) + " to " + std::to_string(w.max_clusters) +
                   " clusters; a maximum of 2 to 6 is recommended, so that loads do not queue behind other work");
    // What wakes a warehouse pays until it sleeps again. Serverless starts in seconds, so nothing is won by keeping it awake.
    const int patience = w.serverless ? 10 : 60;
    if (w.auto_stop_minutes == 0)
        advise("warehouse_sleep", "warehouse auto stop", "it never stops by itself and costs money around the clock");
    else if (w.auto_stop_minutes > patience)
        advise("warehouse_sleep", "warehouse auto stop",
               "it stays awake for " + std::to_string(w.auto_stop_minutes) + " minutes after the last statement, and each sync pays for them; " +
                   (w.serverless ? "5 to 10 are enough for a serverless one" : "10 to 60 suit one that starts in minutes"));
    return all;
}

std::vector<requirement> judge_privileges(const seen_objects& seen, const core::space_config& config,
                                          const std::string& principal)
{
    const std::string& catalog = config.databricks.catalog;
    const std::string schema = catalog + "." + config.profiles_sync.schema;
    const std::string volume = schema + "." + config.profiles_sync.volume;
    std::vector<requirement> all;
    if (!seen.catalog.info) {
        if (seen.catalog.failed)
            all.push_back(line("catalog", "catalog " + catalog, state::unknown, seen.catalog.failed->detail));
        else
            all.push_back(line("catalog", "catalog " + catalog, state::missing,
                               "does not exist, or is hidden from the service principal: an administrator creates it or runs the GRANTs",
                               databricks::grant_text({"USE CATALOG", "CATALOG", catalog}, principal)));
        // Everything behind it is hidden as well: what a new schema needs is asked for at once.
        if (!seen.catalog.failed)
            all.push_back(line("create_schema", "CREATE SCHEMA on " + catalog, state::missing,
                               "cannot be seen; needed unless the schema " + schema + " is there and may be used",
                               databricks::grant_text({"CREATE SCHEMA", "CATALOG", catalog}, principal)));
        return all;
    }
    all.push_back(line("catalog", "catalog " + catalog, state::ok, "is there"));
    all.push_back(judge({"use_catalog", "USE CATALOG", "CATALOG", catalog}, seen.catalog, principal));

    if (!seen.schema.info && !seen.schema.failed) {
        // Whoever creates the schema owns it, and an owner may do everything else in it.
        all.push_back(judge({"create_schema", "CREATE SCHEMA", "CATALOG", catalog}, seen.catalog, principal));
        all.push_back(line("schema", "schema " + schema, state::ok,
                           "does not exist yet: the first run creates it and owns it, with every right in it"));
        return all;
    }
    all.push_back(line("create_schema", "CREATE SCHEMA on " + catalog, state::ok, "not needed: the schema is there"));
    for (const wanted& w : {wanted{"use_schema", "USE SCHEMA", "SCHEMA", schema}, wanted{"select", "SELECT", "SCHEMA", schema},
                            wanted{"modify", "MODIFY", "SCHEMA", schema}, wanted{"create_table", "CREATE TABLE", "SCHEMA", schema}})
        all.push_back(judge(w, seen.schema, principal));

    if (!config.profiles_sync.use_volume) {
        all.push_back(line("volume", "volume", state::ok, "not used: rows travel inside the statements (use_volume = false)"));
        return all;
    }
    const std::string without = "; without it, set profiles_sync.use_volume = false: rows then travel inside the statements, "
                                "which is slower and costs more for large amounts";
    const auto optional = [&](const wanted& w, const seen_object& at) {
        auto one = judge(w, at, principal, state::advice);
        if (one.state != state::ok) one.text += without;
        if (one.state == state::unknown) one.state = state::advice;
        all.push_back(std::move(one));
    };
    if (!seen.volume.info && !seen.volume.failed) {
        optional({"create_volume", "CREATE VOLUME", "SCHEMA", schema}, seen.schema);
    } else {
        optional({"read_volume", "READ VOLUME", "VOLUME", volume}, seen.volume);
        optional({"write_volume", "WRITE VOLUME", "VOLUME", volume}, seen.volume);
    }
    return all;
}

requirement judge_lease(const std::optional<lease_holder>& by, const lease_holder& self)
{
    if (!by) return line("lease", "lease of the schema", state::ok, "no daemon lands in the schema yet");
    const bool surely = !self.id.empty();
    const bool ours = surely ? by->id == self.id : by->host == self.host && by->space == self.space;
    if (ours) return line("lease", "lease of the schema", state::ok, "kept current by " + in_words(*by));
    return line("lease", "lease of the schema", surely ? state::missing : state::advice,
                "kept current by " + in_words(*by) + (surely ? ", not by this one" : "") +
                    ". A daemon with another state directory lands nothing there until: lakeferry takeover " + self.space +
                    ". " + other_profiles(self.space));
}

}  // namespace lakeferry::profiles
