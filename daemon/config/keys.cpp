#include "daemon/config/keys.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::daemon {

namespace {

constexpr auto d = config_file::daemon;
constexpr auto s = config_file::space;

constexpr std::array all{
    key_spec{d, "daemon.state_directory", "path", "/var/lib/lakeferry"},
    key_spec{d, "daemon.spaces_directory", "path", "/etc/lakeferry/spaces.d"},
    key_spec{d, "daemon.offload_threads", "integer, 1 to 64", "2"},
    key_spec{d, "daemon.allow_short_schedules", "true or false", "false"},
    key_spec{d, "intake.listen", "array of texts", "[\"127.0.0.1:8400\"]"},
    key_spec{d, "intake.tls_certificate", "path", "none"},
    key_spec{d, "intake.tls_key", "path", "none"},
    key_spec{d, "admin.listen", "text", "127.0.0.1:8401"},
    key_spec{d, "admin.control_socket", "path", "/run/lakeferry/control.sock"},
    key_spec{d, "admin.allow_remote", "true or false", "false"},
    key_spec{d, "log.level", "debug, info, warn or error", "info"},
    key_spec{d, "log.format", "text, json or journal", "text"},
    key_spec{d, "limits.call_bytes_max", "size", "32KiB"},
    key_spec{d, "limits.batch_bytes_max", "size", "512000"},
    key_spec{d, "limits.batch_calls_max", "integer, 1 to 100000", "2500"},
    key_spec{d, "limits.intake_bytes_in_flight_max", "size", "64MiB"},
    key_spec{d, "limits.backlog_bytes_max", "size", "20GiB"},
    key_spec{d, "limits.disk_free_min", "size", "256MiB"},
    key_spec{d, "limits.staged_file_bytes", "size", "16MiB"},
    key_spec{d, "limits.load_bytes_max", "size", "256MiB"},
    key_spec{d, "limits.staging_memory", "size", "64MiB"},
    key_spec{d, "limits.identifier_cache", "size", "128MiB"},
    key_spec{d, "limits.store_memory", "size", "32MiB"},
    key_spec{d, "limits.statements_per_warehouse", "integer, 1 to 100", "8"},
    key_spec{d, "limits.statements_per_space", "integer, 1 to 100", "4"},

    key_spec{s, "name", "text", "the file's name"},
    key_spec{s, "databricks.workspace_url", "URL", "required"},
    key_spec{s, "databricks.http_path", "text", "required"},
    key_spec{s, "databricks.port", "integer, 1 to 65535", "443"},
    key_spec{s, "databricks.catalog", "text", "required"},
    key_spec{s, "databricks.client_id", "text", "required unless access_token"},
    key_spec{s, "databricks.client_secret", "secret", "required unless access_token"},
    key_spec{s, "databricks.access_token", "secret", "none"},
    key_spec{s, "sources[].name", "text", "required"},
    key_spec{s, "sources[].id", "text", "the slug"},
    key_spec{s, "sources[].slug", "text", "made of the name"},
    key_spec{s, "sources[].write_key", "text", "required"},
    key_spec{s, "sources[].enabled", "true or false", "true"},
    key_spec{s, "kafka.brokers", "array of texts", "required in [kafka]"},
    key_spec{s, "kafka.topic", "text", "required in [kafka]"},
    key_spec{s, "kafka.group", "text", "lakeferry-<id of the space>"},
    key_spec{s, "kafka.source", "text", "the only source"},
    key_spec{s, "kafka.security", "plaintext, ssl, sasl_plaintext or sasl_ssl", "plaintext"},
    key_spec{s, "kafka.mechanism", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", "required with SASL"},
    key_spec{s, "kafka.username", "text", "required with SASL"},
    key_spec{s, "kafka.password", "secret", "required with SASL"},
    key_spec{s, "kafka.ca_file", "path", "the system's authorities"},
    key_spec{s, "identity.blocked", "array of texts", "[\"-1\", \"null\", \"anonymous\"]"},
    key_spec{s, "identity.blocked_patterns", "array of texts", "[\"^[0-]*$\"]"},
    key_spec{s, "identity.merges_max", "integer, 1 to 100000", "100"},
    key_spec{s, "identity.identifiers_max", "integer, 1 to 100000", "1000"},
    key_spec{s, "identity.dedupe_days", "integer, 1 to 365", "30"},
    key_spec{s, "identity.traits_max", "integer, 1 to 10000", "300"},
    key_spec{s, "identity.group_id", "true or false", "false"},
    key_spec{s, "identity.fold_email_case", "true or false", "false"},
    key_spec{s, "identity.identifiers[].type", "text", "required"},
    key_spec{s, "identity.identifiers[].priority", "integer, 1 to 1000", "place in the file"},
    key_spec{s, "identity.identifiers[].limit", "integer, 1 to 1000, or \"unlimited\"", "1 for user_id, else 5"},
    key_spec{s, "identity.identifiers[].window", "week, month, year, ever or days as in \"90d\"", "ever"},
    key_spec{s, "identity.identifiers[].blocked", "array of texts", "[]"},
    key_spec{s, "identity.identifiers[].blocked_patterns", "array of texts", "[]"},
    key_spec{s, "identity.identifiers[].keys", "array of texts", "[]"},
    key_spec{s, "profiles_sync.schema", "text", "required"},
    key_spec{s, "profiles_sync.every", "duration", "1h"},
    key_spec{s, "profiles_sync.cron", "text, five fields", "none"},
    key_spec{s, "profiles_sync.timezone", "text", "UTC"},
    key_spec{s, "profiles_sync.materialized", "true or false", "true"},
    key_spec{s, "profiles_sync.use_volume", "true or false", "true"},
    key_spec{s, "profiles_sync.volume", "text", "lakeferry"},
    key_spec{s, "profiles_sync.paused", "true or false", "false"},
    key_spec{s, "profiles_sync.optimize", "true or false", "true"},
    key_spec{s, "profiles_sync.select.tables", "array of texts", "[]"},
    key_spec{s, "profiles_sync.select.columns", "array of texts", "[]"},
};

}  // namespace

std::span<const key_spec> known_keys() noexcept { return all; }

std::vector<std::string> names_below(config_file in, std::string_view table)
{
    std::vector<std::string> names;
    for (const key_spec& key : all) {
        if (key.in != in) continue;
        std::string_view rest = key.path;
        if (!table.empty()) {
            if (!rest.starts_with(table) || rest.size() <= table.size() || rest[table.size()] != '.') continue;
            rest.remove_prefix(table.size() + 1);
        }
        rest = rest.substr(0, rest.find('.'));
        if (rest.ends_with("[]")) rest.remove_suffix(2);
        if (std::find(names.begin(), names.end(), rest) == names.end()) names.emplace_back(rest);
    }
    return names;
}

}  // namespace lakeferry::daemon
