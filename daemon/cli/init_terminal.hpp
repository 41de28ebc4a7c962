// Questions at a terminal.
#pragma once

#include "auth/secret.hpp"

#include <memory>
#include <optional>
#include <string>

namespace lakeferry::daemon {

// Reads lines from standard input, one byte at a time, so that nothing of the next answer is lost. Asks on standard
// output. nullopt: the end of the input.
std::optional<std::string> ask_line(const std::string& question, const std::string& proposed);
// Nothing of the answer is shown. The terminal is put back as it was however this ends: also by SIGINT, SIGTERM, SIGHUP
// and SIGQUIT, which end the process (status 128 and the signal) as they would otherwise.
std::optional<auth::secret> ask_secret(const std::string& question);

// Signals that would end the process wait until this goes.
class signals_held {
public:
    signals_held();
    ~signals_held();
    signals_held(const signals_held&) = delete;
    signals_held& operator=(const signals_held&) = delete;

private:
    struct body;
    std::unique_ptr<body> body_;
};

}  // namespace lakeferry::daemon
