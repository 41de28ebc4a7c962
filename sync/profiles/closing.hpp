// The last load of a run, where it is not that of profile_traits: one that fences and reports travel with, in one script, so
// that they do not cost a statement of their own.
#pragma once

#include "sync/profiles/fences.hpp"
#include "sync/profiles/run_log.hpp"
#include "sync/profiles/table_lander.hpp"

#include <functional>
#include <string>

namespace lakeferry::profiles {

// Its rows come by MERGE, not COPY INTO: the documentation names no COPY INTO among the statements of scripts
// (https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-scripting), and a script that failed must be safe to
// repeat. A MERGE has to look at rows that are there, so it stays with small loads.
inline constexpr std::size_t closing_bytes_max = 4U << 20;  // as they wait in the store, compressed

class closing {
public:
    // What is said of the run as if this load had landed, its rows left open.
    using composer = std::function<rt::awaitable<rt::outcome<last_words>>(const load&)>;

    closing(landing_run& run, composer compose) : run_(run), compose_(std::move(compose)) {}

    // Of a load from staged files that is not journalled yet. Does nothing where more rows of the table wait, or scripts are
    // refused.
    rt::awaitable<rt::outcome<void>> join(load& l, const core::table& t, std::string path);
    // The script failed. True: the load may be sent again without what travelled along.
    bool goes_alone(load& l, const rt::failure& why);
    // The load has landed; if by the script, the last words are said.
    rt::awaitable<rt::outcome<void>> landed(const load& l);

    const last_words& words() const noexcept { return words_; }

private:
    landing_run& run_;
    composer compose_;
    last_words words_{};
    debts::owed_fences owed_{};
};

}  // namespace lakeferry::profiles
