#include "daemon/config/daemon_file.hpp"

#include "daemon/config/reader.hpp"
#include "daemon/config/url.hpp"

#include <filesystem>
#include <set>

namespace lakeferry::daemon {

namespace {

void path(const reader& from, const std::string& key, std::string& to)
{
    const std::string before = to;
    from.text(key, to);
    if (!from.has(key) || to == before) return;
    if (to.empty()) {
        from.complain(key, "is empty", "write a path or take the key out");
        to = before;
        return;
    }
    const std::filesystem::path base = std::filesystem::path(from.in().file).parent_path();
    to = (base / to).lexically_normal().string();
}

void read_daemon(const reader& from, daemon_settings& to)
{
    path(from, "state_directory", to.state_directory);
    path(from, "spaces_directory", to.spaces_directory);
    from.integer("offload_threads", 1, 64, to.offload_threads);
    from.flag("allow_short_schedules", to.allow_short_schedules);
}

void read_intake(const reader& from, daemon_settings& to)
{
    from.texts("listen", to.intake_listen);
    if (to.intake_listen.empty()) from.complain("listen", "names no address", "write [\"127.0.0.1:8400\"]");
    std::set<std::string> seen;
    for (const auto& where : to.intake_listen) {
        const auto address = parse_listen(where);
        if (!address)
            from.complain("listen", "\"" + where + "\" is not an address with a port",
                          "write it like \"127.0.0.1:8400\" or \"[::]:8400\"");
        else if (address->port != 0 && !seen.insert(where).second)
            from.complain("listen", "\"" + where + "\" stands there twice", "take one out");
    }
    path(from, "tls_certificate", to.tls_certificate);
    path(from, "tls_key", to.tls_key);
    if (to.tls_certificate.empty() != to.tls_key.empty())
        from.complain(to.tls_key.empty() ? "tls_key" : "tls_certificate", "is missing beside its pair",
                      "write both tls_certificate and tls_key, or none");
}

void read_admin(const reader& from, daemon_settings& to)
{
    from.text("listen", to.admin_listen);
    from.flag("allow_remote", to.admin_allow_remote);
    path(from, "control_socket", to.control_socket);
    if (to.control_socket.size() > 107)
        from.complain("control_socket", "is longer than the 107 bytes that a socket's path may have",
                      "write a shorter one");
    if (to.admin_listen.empty()) return;
    const auto address = parse_listen(to.admin_listen);
    if (!address)
        from.complain("listen", "\"" + to.admin_listen + "\" is not an address with a port",
                      "write it like \"127.0.0.1:8401\", or \"\" for none");
    else if (!is_loopback(address->host) && !to.admin_allow_remote)
        from.complain("listen", "would show status and metrics to other machines without asking who they are",
                      "write a loopback address, or set admin.allow_remote = true");
}

void read_log(const reader& from, daemon_settings& to)
{
    if (const auto level = from.choice("level", {"debug", "info", "warn", "error"}))
        to.log_level = static_cast<obs::level>(*level);
    if (const auto format = from.choice("format", {"text", "json", "journal"}))
        to.format = static_cast<log_format>(*format);
}

void read_limits(const reader& from, daemon_settings& settings)
{
    core::limits& to = settings.limits;
    constexpr std::uint64_t kib = 1024;
    constexpr std::uint64_t mib = 1024 * kib;
    constexpr std::uint64_t gib = 1024 * mib;
    from.size("call_bytes_max", kib, 16 * mib, to.call_bytes_max);
    from.size("batch_bytes_max", kib, 256 * mib, to.batch_bytes_max);
    from.integer("batch_calls_max", 1, 100000, to.batch_calls_max);
    from.size("intake_bytes_in_flight_max", mib, 16 * gib, to.intake_bytes_in_flight_max);
    from.size("backlog_bytes_max", mib, 64 * 1024 * gib, to.backlog_bytes_max);
    from.size("disk_free_min", 0, 64 * 1024 * gib, to.disk_free_min);
    from.size("staged_file_bytes", 64 * kib, gib, to.staged_file_bytes);
    from.size("load_bytes_max", mib, 64 * gib, to.load_bytes_max);
    from.size("staging_memory", mib, 64 * gib, to.staging_memory);
    from.size("identifier_cache", 0, 64 * gib, settings.identifier_cache_bytes);
    from.size("store_memory", 12 * mib, 64 * gib, settings.store_memory_bytes);
    from.integer("statements_per_warehouse", 1, 100, to.statements_per_warehouse);
    from.integer("statements_per_space", 1, 100, to.statements_per_space);
    if (to.batch_bytes_max < to.call_bytes_max)
        from.complain("batch_bytes_max", "is smaller than call_bytes_max, so that the largest call fits in no batch",
                      "raise it");
    if (to.intake_bytes_in_flight_max < to.batch_bytes_max)
        from.complain("intake_bytes_in_flight_max", "is smaller than batch_bytes_max, so that no full batch fits",
                      "raise it");
    if (to.staging_memory < to.staged_file_bytes)
        from.complain("staging_memory", "is smaller than staged_file_bytes, so that no file fits", "raise it");
}

}  // namespace

daemon_settings parse_daemon_file(std::string_view text, const std::string& file, problems& out)
{
    daemon_settings settings;
    const auto tree = parse_toml(text, file, out);
    if (!tree) return settings;
    const document in{config_file::daemon, file, &out};
    const reader top(in, &*tree, "");
    read_daemon(reader(in, top.table("daemon"), "daemon"), settings);
    read_intake(reader(in, top.table("intake"), "intake"), settings);
    read_admin(reader(in, top.table("admin"), "admin"), settings);
    read_log(reader(in, top.table("log"), "log"), settings);
    read_limits(reader(in, top.table("limits"), "limits"), settings);
    return settings;
}

}  // namespace lakeferry::daemon
