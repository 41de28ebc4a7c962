// The whole daemon, made of injected parts: the same code runs under systemd and in the test world.
#pragma once

#include "daemon/supervisor/parts.hpp"
#include "daemon/supervisor/views.hpp"
#include "net/rt/failure.hpp"
#include "sync/profiles/connection_test.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace lakeferry::intake {
class importer;
}  // namespace lakeferry::intake

namespace lakeferry::daemon {

class space_runner;

// graceful: finish the requests in hand, then stop within the budgets. fast: drop what waits for others.
enum class haste { graceful, fast };

// Loop thread only. run() once; everything it made is gone when it returns. Cancelling run() stops as fast as a
// crash would, but for the memory: it joins what it owns and closes the store. To imitate a crash, let the disk
// forget first.
class daemon_core {
public:
    daemon_core(core_parts parts, std::shared_ptr<const snapshot> config);
    ~daemon_core();
    daemon_core(const daemon_core&) = delete;
    daemon_core& operator=(const daemon_core&) = delete;

    // Opens the store, starts intake, spaces and the control API, says READY, and serves until stopped. Failures:
    // the store's ("store.locked": another daemon uses the state directory), "listen.*", "intake.write_key_twice",
    // "daemon.defect" (a part of the daemon itself ended unexpectedly).
    rt::awaitable<rt::outcome<void>> run();

    // SIGTERM; a second call hurries.
    void stop(haste how = haste::graceful);
    // SIGHUP; calls during a reload coalesce into one more.
    void request_reload();
    // The same, and waits for the outcome.
    rt::awaitable<reload_view> reload();

    daemon_view view() const;
    bool ready() const noexcept;
    // nullptr: there is no such space, or the daemon does not run.
    space_runner* space(std::string_view id) noexcept;
    // Test Connection of a running space. Failure "space.unknown".
    rt::awaitable<rt::outcome<profiles::connection_report>> check(std::string id, bool wake);
    const snapshot& config() const noexcept;
    obs::metrics& metrics() noexcept;

    // What the control API works on. Only while view() says ready or stopping.
    struct rooms {
        store::store& store;
        intake::importer& importer;
        const core_parts& parts;
    };
    rooms inside() noexcept;

private:
    struct body;
    std::unique_ptr<body> body_;
};

}  // namespace lakeferry::daemon
