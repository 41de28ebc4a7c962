#include "daemon/config/effective.hpp"

#include "daemon/config/tree.hpp"
#include "daemon/config/units.hpp"

#include <boost/json.hpp>

#include <array>

namespace lakeferry::daemon {

namespace {

std::string yes_no(bool b) { return b ? "true" : "false"; }

std::string list(const std::vector<std::string>& texts)
{
    std::string out = "[";
    for (const auto& t : texts) out += (out.size() > 1 ? ", " : "") + toml_quoted(t);
    return out + "]";
}

std::string size(std::uint64_t bytes) { return toml_quoted(format_size(bytes)); }

std::string reference(const core::secret_ref& ref)
{
    const char* place = ref.from == core::secret_ref::kind::file ? "file" : "credential";
    return "{ " + std::string(place) + " = " + toml_quoted(ref.name) + " }";
}

// A write key is no secret to the browsers that use it, yet it has no business in a ticket.
std::string shortened(const std::string& write_key) { return toml_quoted(write_key.substr(0, 4) + "..."); }

constexpr std::array<const char*, 4> level_names{"debug", "info", "warn", "error"};
constexpr std::array<const char*, 3> format_names{"text", "json", "journal"};

std::string window(const core::identifier_rule& rule)
{
    return rule.window_days ? std::to_string(*rule.window_days) + "d" : "ever";
}

void append_source(std::vector<setting>& to, const core::source_settings& s, const std::string& at)
{
    to.emplace_back(at + "name", toml_quoted(s.name));
    to.emplace_back(at + "id", toml_quoted(s.id));
    to.emplace_back(at + "slug", toml_quoted(s.slug));
    to.emplace_back(at + "write_key", shortened(s.write_key));
    to.emplace_back(at + "enabled", yes_no(s.enabled));
}

std::vector<setting> databricks_part(const core::databricks_settings& d)
{
    std::vector<setting> all{{"workspace_url", toml_quoted(d.workspace_url)},
                             {"port", std::to_string(d.port)},
                             {"http_path", toml_quoted(d.http_path)},
                             {"catalog", toml_quoted(d.catalog)}};
    if (!d.client_id.empty()) all.emplace_back("client_id", toml_quoted(d.client_id));
    if (d.client_secret.from != core::secret_ref::kind::none)
        all.emplace_back("client_secret", reference(d.client_secret));
    if (d.access_token.from != core::secret_ref::kind::none)
        all.emplace_back("access_token", reference(d.access_token));
    return all;
}

std::vector<setting> kafka_part(const core::kafka_settings& k)
{
    std::vector<setting> all{{"brokers", list(k.brokers)},
                             {"topic", toml_quoted(k.topic)},
                             {"group", toml_quoted(k.group)},
                             {"security", toml_quoted(k.security)}};
    if (!k.source.empty()) all.emplace_back("source", toml_quoted(k.source));
    if (!k.mechanism.empty()) all.emplace_back("mechanism", toml_quoted(k.mechanism));
    if (!k.username.empty()) all.emplace_back("username", toml_quoted(k.username));
    if (k.password.from != core::secret_ref::kind::none) all.emplace_back("password", reference(k.password));
    if (!k.ca_file.empty()) all.emplace_back("ca_file", toml_quoted(k.ca_file));
    return all;
}

std::vector<setting> identity_part(const core::identity_settings& i)
{
    return {{"blocked", list(i.blocked)},
            {"blocked_patterns", list(i.blocked_patterns)},
            {"merges_max", std::to_string(i.merges_max)},
            {"identifiers_max", std::to_string(i.identifiers_max)},
            {"dedupe_days", std::to_string(i.dedupe_days)},
            {"traits_max", std::to_string(i.traits_max)},
            {"group_id", yes_no(i.group_id)},
            {"fold_email_case", yes_no(i.fold_email_case)}};
}

std::vector<setting> rule_part(const core::identifier_rule& r)
{
    std::vector<setting> all{{"type", toml_quoted(r.type)}};
    if (r.limit) all.emplace_back("limit", *r.limit == 0 ? "\"unlimited\"" : std::to_string(*r.limit));
    all.emplace_back("window", toml_quoted(window(r)));
    all.emplace_back("blocked", list(r.blocked));
    all.emplace_back("blocked_patterns", list(r.blocked_patterns));
    all.emplace_back("keys", list(r.keys));
    return all;
}

std::vector<setting> sync_part(const core::profiles_sync_settings& p)
{
    std::vector<setting> all{{"schema", toml_quoted(p.schema)}};
    if (p.schedule.every) all.emplace_back("every", toml_quoted(format_duration(*p.schedule.every)));
    if (!p.schedule.cron.empty()) all.emplace_back("cron", toml_quoted(p.schedule.cron));
    all.emplace_back("timezone", toml_quoted(p.schedule.timezone));
    all.emplace_back("materialized", yes_no(p.materialized));
    all.emplace_back("use_volume", yes_no(p.use_volume));
    all.emplace_back("volume", toml_quoted(p.volume));
    all.emplace_back("paused", yes_no(p.paused));
    all.emplace_back("optimize", yes_no(p.optimize));
    return all;
}

std::vector<setting> select_part(const core::select_settings& s)
{
    return {{"tables", list(s.tables)}, {"columns", list(s.columns)}};
}

void print(std::string& to, const std::string& header, const std::vector<setting>& part)
{
    to += "\n" + header + "\n";
    for (const auto& [key, value] : part) to += key + " = " + value + "\n";
}

std::vector<setting> source_part(const core::source_settings& s)
{
    std::vector<setting> all;
    append_source(all, s, "");
    return all;
}

// Values are TOML; text, numbers, booleans and arrays of texts are JSON as well, references are not.
boost::json::value as_json(const std::string& toml)
{
    if (toml.starts_with("{ ")) {
        const auto equals = toml.find(" = ");
        return boost::json::object{
            {toml.substr(2, equals - 2), boost::json::parse(toml.substr(equals + 3, toml.size() - equals - 5))}};
    }
    return boost::json::parse(toml);
}

boost::json::object as_json(const std::vector<setting>& part)
{
    boost::json::object object;
    for (const auto& [key, value] : part) object[key] = as_json(value);
    return object;
}

boost::json::object space_json(const core::space_config& c)
{
    boost::json::object space{{"id", c.id}, {"name", c.name}};
    space["databricks"] = as_json(databricks_part(c.databricks));
    boost::json::array sources;
    for (const auto& s : c.sources) sources.push_back(as_json(source_part(s)));
    space["sources"] = std::move(sources);
    if (!c.kafka.brokers.empty()) space["kafka"] = as_json(kafka_part(c.kafka));
    auto identity = as_json(identity_part(c.identity));
    boost::json::array rules;
    for (const auto& r : c.identity.identifiers) rules.push_back(as_json(rule_part(r)));
    identity["identifiers"] = std::move(rules);
    space["identity"] = std::move(identity);
    auto sync = as_json(sync_part(c.profiles_sync));
    sync["select"] = as_json(select_part(c.profiles_sync.select));
    space["profiles_sync"] = std::move(sync);
    return space;
}

}  // namespace

std::vector<setting> effective_settings(const daemon_settings& g)
{
    const core::limits& l = g.limits;
    return {{"daemon.state_directory", toml_quoted(g.state_directory)},
            {"daemon.spaces_directory", toml_quoted(g.spaces_directory)},
            {"daemon.offload_threads", std::to_string(g.offload_threads)},
            {"daemon.allow_short_schedules", yes_no(g.allow_short_schedules)},
            {"intake.listen", list(g.intake_listen)},
            {"intake.tls_certificate", toml_quoted(g.tls_certificate)},
            {"intake.tls_key", toml_quoted(g.tls_key)},
            {"admin.listen", toml_quoted(g.admin_listen)},
            {"admin.control_socket", toml_quoted(g.control_socket)},
            {"admin.allow_remote", yes_no(g.admin_allow_remote)},
            {"log.level", toml_quoted(level_names[static_cast<std::size_t>(g.log_level)])},
            {"log.format", toml_quoted(format_names[static_cast<std::size_t>(g.format)])},
            {"limits.call_bytes_max", size(l.call_bytes_max)},
            {"limits.batch_bytes_max", size(l.batch_bytes_max)},
            {"limits.batch_calls_max", std::to_string(l.batch_calls_max)},
            {"limits.intake_bytes_in_flight_max", size(l.intake_bytes_in_flight_max)},
            {"limits.backlog_bytes_max", size(l.backlog_bytes_max)},
            {"limits.disk_free_min", size(l.disk_free_min)},
            {"limits.staged_file_bytes", size(l.staged_file_bytes)},
            {"limits.load_bytes_max", size(l.load_bytes_max)},
            {"limits.staging_memory", size(l.staging_memory)},
            {"limits.identifier_cache", size(g.identifier_cache_bytes)},
            {"limits.store_memory", size(g.store_memory_bytes)},
            {"limits.statements_per_warehouse", std::to_string(l.statements_per_warehouse)},
            {"limits.statements_per_space", std::to_string(l.statements_per_space)}};
}

std::string effective_toml(const snapshot& s)
{
    std::string text = "# " + s.file + "\n";
    std::string table;
    for (const auto& [key, value] : effective_settings(s.global)) {
        const auto dot = key.find('.');
        if (key.substr(0, dot) != table) {
            table = key.substr(0, dot);
            text += "\n[" + table + "]\n";
        }
        // An empty path means "none", and is written by leaving it out.
        text += (value == "\"\"" && key.find("tls_") != std::string::npos ? "# " : "") + key.substr(dot + 1) + " = " +
                value + "\n";
    }
    for (const auto& one : s.spaces) {
        const core::space_config& c = *one;
        text += "\n# " + s.global.spaces_directory + "/" + c.id + ".toml\n\nname = " + toml_quoted(c.name) + "\n";
        print(text, "[databricks]", databricks_part(c.databricks));
        for (const auto& source : c.sources) print(text, "[[sources]]", source_part(source));
        if (!c.kafka.brokers.empty()) print(text, "[kafka]", kafka_part(c.kafka));
        print(text, "[identity]", identity_part(c.identity));
        for (const auto& rule : c.identity.identifiers) print(text, "[[identity.identifiers]]", rule_part(rule));
        print(text, "[profiles_sync]", sync_part(c.profiles_sync));
        print(text, "[profiles_sync.select]", select_part(c.profiles_sync.select));
    }
    return text;
}

std::string effective_json(const snapshot& s)
{
    boost::json::object top{{"file", s.file}};
    for (const auto& [key, value] : effective_settings(s.global)) {
        const auto dot = key.find('.');
        auto& table = top[key.substr(0, dot)];
        if (!table.is_object()) table = boost::json::object{};
        table.as_object()[key.substr(dot + 1)] = as_json(value);
    }
    boost::json::array spaces;
    for (const auto& one : s.spaces) spaces.push_back(space_json(*one));
    top["spaces"] = std::move(spaces);
    return boost::json::serialize(top);
}

}  // namespace lakeferry::daemon
