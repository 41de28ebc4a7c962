// Reloading: parse, validate, diff, apply. On any error the old configuration keeps running.
#include "daemon/supervisor/body.hpp"
#include "net/rt/offload.hpp"
#include "systemd/notify.hpp"

namespace lakeferry::daemon {

namespace {

std::string text_of(const std::vector<restart_change>& changes)
{
    std::string text;
    for (const auto& one : changes)
        text += (text.empty() ? "" : "; ") + one.key + " cannot change while the daemon runs (" + one.old_value +
                " -> " + one.new_value + ")";
    return text;
}

}  // namespace

rt::awaitable<void> daemon_core::body::reload_loop()
{
    for (;;) {
        co_await reload_asked.wait();
        reload_asked.clear();
        const auto answers = reloads_asked;
        tell(systemd::reloading(parts.monotonic_us ? parts.monotonic_us() : 0, "reloading"));
        reloading = true;
        last_reload = co_await reload_once();
        reloading = false;
        parts.metrics.counter("lakeferry_reloads_total", "Reloads of the configuration",
                              {{"result", last_reload.accepted ? "accepted" : "refused"}}) += 1;
        // READY ends the reload for the service manager, whatever came of it; the status says what did.
        tell(systemd::ready(status_line()));
        reloads_ended = answers;
        reload_done.set();
    }
}

rt::awaitable<reload_view> daemon_core::body::reload_once()
{
    reload_view outcome;
    outcome.at_us = parts.wall.now_us();
    const auto refuse = [&](std::string why) {
        outcome.accepted = false;
        outcome.text = std::move(why);
        parts.log.error("reload.refused", "The new configuration is refused; the old one keeps running",
                        {{"generation", generation}, {"reason", outcome.text}});
        return outcome;
    };
    if (!parts.load) co_return refuse("this daemon has no configuration to read again");
    auto loaded = co_await rt::offload_uncancellable(parts.workers, [this] { return parts.load(); });
    for (const auto& one : loaded.found)
        parts.log.error("config.wrong", to_text(one), {{"file", one.file}, {"line", one.line}, {"key", one.key}});
    if (!loaded.config)
        co_return refuse(std::to_string(loaded.found.size()) + " findings, the first: " +
                         (loaded.found.empty() ? std::string("none") : to_text(loaded.found.front())));
    const auto d = compare(*config, *loaded.config);
    if (!d.needs_restart.empty()) co_return refuse(text_of(d.needs_restart) + "; restart the service to apply it");
    for (const auto& one : loaded.config->spaces)
        if (auto allowed = co_await live->spaces.allows(one); allowed.has_error()) co_return refuse(allowed.error().detail);
    co_await apply(loaded.config, d);
    outcome.text = to_text(d);
    parts.log.info("reload.done", "The new configuration is in force",
                   {{"generation", generation}, {"changes", outcome.text}});
    co_return outcome;
}

rt::awaitable<void> daemon_core::body::apply(std::shared_ptr<const snapshot> next, const config_diff& d)
{
    auto& spaces = live->spaces;
    const auto of = [&](const std::string& id) {
        for (const auto& one : next->spaces)
            if (one->id == id) return one;
        return std::shared_ptr<const core::space_config>();
    };
    config = next;
    ++generation;
    if (d.log_changed && parts.set_log_level) parts.set_log_level(next->global.log_level);
    for (const auto& id : d.removed) {
        co_await spaces.remove(id);
        parts.log.info("space.removed", "The space stopped; its data stay in the state directory", {{"space", id}});
    }
    for (const auto& id : d.changed) {
        co_await spaces.replace(of(id), generation);
        parts.log.info("space.replaced", "The space runs with its new configuration", {{"space", id}});
    }
    for (const auto& id : d.added) {
        auto added = co_await spaces.add(of(id), generation);
        if (added.has_error())
            parts.log.error("space.not_added", added.error().detail, {{"space", id}, {"id", added.error().id}});
        else
            parts.log.info("space.added", "The space runs", {{"space", id}});
    }
    // Write keys were compared across all files before: this cannot fail for a configuration that was accepted.
    if (auto published = spaces.publish(); published.has_error())
        parts.log.error("intake.sources_kept", published.error().detail, {});
}

rt::awaitable<reload_view> daemon_core::reload()
{
    body& b = *body_;
    request_reload();
    const auto mine = b.reloads_asked;
    while (b.reloads_ended < mine) {
        b.reload_done.clear();
        co_await b.reload_done.wait_once();
    }
    co_return b.last_reload;
}

}  // namespace lakeferry::daemon
