// Erasures of a space as they stand in the store: the receipt, which names nobody, and, while one is open, whom it is about.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/erasure.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::profiles {

// asked: journalled, nothing removed. cut: gone from the graph; queue, outbox and tables may still hold something.
// vacuum_due: every row is gone, files with deleted rows wait for the end of their retention. complete: nothing is left to do.
enum class erasure_state : std::uint8_t { asked, cut, vacuum_due, complete };
const char* to_string(erasure_state s) noexcept;

// What was done in one table. pending: counted before the statement was sent, credited when its answer was lost.
struct erased_table {
    std::uint64_t removed = 0;
    std::uint64_t blanked = 0;  // rows of other people in which an identifier was replaced by NULL
    std::uint64_t pending_removed = 0;
    std::uint64_t pending_blanked = 0;
    std::uint64_t pending_slice = 0;  // of the people, the part that was being removed
    std::vector<std::string> statements{};
    std::int64_t at_us = 0;
    std::int64_t vacuumed_us = 0;
    std::string error_id{};  // why it is not done
    std::string error{};
};

struct erasure {
    std::uint64_t number = 0;
    std::string request{};  // the caller's own reference
    erasure_state state = erasure_state::asked;
    bool suppress = false;
    bool vacuum = false;
    bool dry_run = false;
    std::int64_t asked_us = 0;
    std::int64_t cut_us = 0;      // later calls are another matter
    std::int64_t deleted_us = 0;  // every row is gone
    std::int64_t completed_us = 0;
    std::int64_t vacuum_due_us = 0;
    std::string salt{};                  // of the hashes
    std::vector<std::string> asked{};    // SHA-256 of salt, type, ":" and value, in the order of the request
    std::uint64_t unknown = 0;           // of those, how many the graph did not know
    std::uint64_t people = 0;
    std::uint64_t segment_ids = 0;
    std::uint64_t identifiers = 0;
    std::map<std::string, std::uint64_t> local{};  // "profiles", "outbox_rows", "refused_calls", …
    std::map<std::string, erased_table> tables{};
    std::uint64_t staged_files = 0;
    unsigned attempts = 0;
    std::string error_id{};
    std::string error{};

    std::uint64_t rows_removed() const noexcept;
    std::uint64_t rows_blanked() const noexcept;
    bool open() const noexcept { return state == erasure_state::asked || state == erasure_state::cut; }
};

std::string to_json(const erasure& e);
rt::outcome<erasure> erasure_from_json(std::string_view text);
// What a receipt says of a key: so that whoever knows the person can tell that the receipt is about them.
std::string receipt_hash(std::string_view salt, const core::person_key& who);

// Whom it is about. Removed from the store as soon as every row is gone.
struct erasure_work {
    std::vector<core::person_key> asked{};
    std::uint64_t barrier = 0;    // arrival number: calls up to here are the person's past
    std::uint64_t cut_batch = 0;  // rows of later batches are another matter
    core::people who{};
};

// Blocking: workers only.
class erasure_book {
public:
    erasure_book(store::store& in, std::uint32_t space) : store_(in), space_(space) {}

    // Oldest first. "erasures.damaged" (never).
    rt::outcome<std::vector<erasure>> all();
    rt::outcome<std::optional<erasure>> find(std::uint64_t number);
    rt::outcome<std::optional<erasure_work>> work(std::uint64_t number);
    // Gives the number, and journals both.
    rt::outcome<void> begin(erasure& fresh, const erasure_work& whom);
    rt::outcome<void> save(const erasure& e);
    void save(store::batch& to, const erasure& e) const;
    void save(store::batch& to, std::uint64_t number, const erasure_work& whom) const;
    // The receipt stays.
    void forget_work(store::batch& to, std::uint64_t number) const;

private:
    std::string key(std::string_view kind, std::uint64_t number) const;

    store::store& store_;
    std::uint32_t space_;
};

}  // namespace lakeferry::profiles
