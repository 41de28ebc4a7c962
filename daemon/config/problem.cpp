#include "daemon/config/problem.hpp"

#include <algorithm>
#include <numeric>

namespace lakeferry::daemon {

namespace {

// Number of insertions, removals, replacements and swaps of neighbours that turn a into b (optimal
// string alignment distance).
std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> older(b.size() + 1), old(b.size() + 1), now(b.size() + 1);
    std::iota(old.begin(), old.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
            now[j] = std::min({old[j] + 1, now[j - 1] + 1, old[j - 1] + differs});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = std::min(now[j], older[j - 2] + 1);
        }
        std::swap(older, old);
        std::swap(old, now);
    }
    return old[b.size()];
}

}  // namespace

std::string to_text(const problem& p)
{
    std::string text = p.file;
    if (p.line != 0) text += ":" + std::to_string(p.line);
    text += ": ";
    if (!p.key.empty()) text += p.key + ": ";
    text += p.what;
    if (!p.cure.empty()) text += "; " + p.cure;
    return text;
}

std::string to_text(const problems& all)
{
    std::string text;
    for (const problem& p : all) text += to_text(p) + "\n";
    return text;
}

std::string nearest_name(std::string_view written, const std::vector<std::string>& known)
{
    // A third of the letters may be wrong: more than that is another word.
    const std::size_t tolerated = std::max<std::size_t>(1, written.size() / 3);
    for (const std::string& name : known)
        if (std::min(name.size(), written.size()) >= 3 && (name.starts_with(written) || written.starts_with(name)))
            return name;
    std::string best;
    std::size_t best_distance = tolerated + 1;
    for (const std::string& name : known) {
        const std::size_t distance = edit_distance(written, name);
        if (distance < best_distance) {
            best = name;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace lakeferry::daemon
