#include "daemon/supervisor/space_target.hpp"

#include "sync/core/space_state.hpp"
#include "sync/profiles/run_report.hpp"

namespace lakeferry::daemon {

namespace {

std::string folded(std::string text)
{
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

std::string shown(std::string target)
{
    if (const auto end = target.find('\n'); end != std::string::npos) target[end] = '.';
    return target;
}

}  // namespace

rt::outcome<void> check_target(store::store& in, std::uint32_t number, const core::space_config& config, bool look_only)
{
    const std::string key = core::space_meta_key(number, "target");
    const std::string now = config.databricks.catalog + "\n" + config.profiles_sync.schema;
    auto known = in.get(store::family::meta, key);
    if (known.has_error()) return known.error();
    if (known->has_value() && folded(**known) == folded(now)) return rt::outcome<void>();
    if (known->has_value()) {
        auto runs = profiles::recent_reports(in, number, 1);
        if (runs.has_error()) return runs.error();
        if (!runs->empty())
            return rt::failure{
                .retry = rt::retry_class::never,
                .id = "space.schema_fixed",
                .detail =
                    "Space \"" + config.id +
                    "\": databricks.catalog and profiles_sync.schema are fixed after the first sync, which was into " +
                    shown(**known) + "; the file says " + shown(now) +
                    " now. Put the old names back. For tables in another place, make another "
                    "space: a file with another name (its id), write keys of its own, and an import of the calls so "
                    "far"};
    }
    if (look_only) return rt::outcome<void>();
    store::batch first;
    first.put(store::family::meta, key, now);
    return in.write(std::move(first), store::durable::no);
}

}  // namespace lakeferry::daemon
