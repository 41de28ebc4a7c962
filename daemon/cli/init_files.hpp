// What `lakeferry init` writes.
#pragma once

#include "auth/secret.hpp"
#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::daemon {

// 32 letters and digits from the system's randomness.
std::string new_write_key();
// A space's id out of its name: "Acme Corp." is "acme-corp". Empty: nothing is left of it.
std::string space_id_of(const std::string& name);
// The space's file, with comments; one source. config.databricks.client_secret says where the secret will be.
std::string space_file_text(const core::space_config& config, const std::string& every);

// What an answer comes to: what was seen ("a Databricks workspace"; may be empty), or why it does not do.
using init_verdict = rt::outcome<std::string>;
inline rt::failure init_no(std::string why) { return {.id = "init.answer", .detail = std::move(why)}; }
// The first finding about one key ("databricks.catalog") of the file that the answers so far make.
init_verdict by_the_reader(const core::space_config& config, const std::string& every, std::string_view key);

struct new_file {
    std::string path{};
    std::string text{};
    unsigned mode = 0644;
    bool like_state = false;  // belongs to whom `owned_like` belongs, where root may say so
};
// All of them or none, none of them over a file that is there: each is written aside, synced, then named. Signals that
// would end the process wait. owned_like: a folder of the daemon. Failures "init.exists", "init.not_written".
rt::outcome<void> write_new_files(const std::vector<new_file>& files, const std::string& owned_like);

// The secret where only this process finds it, for as long as this lives: a file without a name (memfd).
class secret_in_memory {
public:
    explicit secret_in_memory(const auth::secret& bytes);
    ~secret_in_memory();
    secret_in_memory(const secret_in_memory&) = delete;
    secret_in_memory& operator=(const secret_in_memory&) = delete;
    core::secret_ref reference() const;

private:
    int fd_ = -1;
};

}  // namespace lakeferry::daemon
