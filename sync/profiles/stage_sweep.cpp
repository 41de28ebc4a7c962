#include "sync/profiles/stage_sweep.hpp"

#include "sync/databricks/files.hpp"

namespace lakeferry::profiles {

std::vector<std::string> orphans(const std::vector<std::string>& paths, const std::set<std::string>& journalled)
{
    std::vector<std::string> out;
    for (const auto& path : paths) {
        const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
        if (name.starts_with("load-") && name.ends_with(file_ending) && !journalled.contains(path)) out.push_back(path);
    }
    return out;
}

rt::awaitable<void> sweep_stage(landing_run& run, const pending_work& work)
{
    std::set<std::string> journalled;
    for (const auto& [table, loads] : work.unfinished)
        for (const auto& l : loads) journalled.insert(l.files.begin(), l.files.end());
    for (const auto& l : work.landed) journalled.insert(l.files.begin(), l.files.end());
    auto& door = run.with.door;
    auto listed = co_await databricks::list_directory(door, run.shape.at().volume_path(), run.limit);
    if (listed.has_error()) co_return;
    std::vector<std::string> paths;
    for (const auto& entry : *listed)
        if (!entry.is_directory) paths.push_back(entry.path);
    const auto left = orphans(paths, journalled);
    for (const auto& path : left) {
        auto removed = co_await databricks::remove_file(door, path, run.limit);
        if (removed.has_error()) co_return;
    }
    if (!left.empty())
        run.with.log.info("stage.swept", "deleted staged files that an interrupted run had left",
                          {{"space", run.space}, {"files", left.size()}});
}

}  // namespace lakeferry::profiles
