using System.Text;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>
/// Characters without their accents: the canonical decomposition (NFD) without nonspacing marks. The runtime's own is not at
/// hand, because the program runs without ICU.
/// </summary>
/// <remarks>unaccented.txt, made from UnicodeData.txt 14.0, has a line for each character that changes: it, then what is left of it.</remarks>
internal static class Unaccented
{
    private const int FirstHangul = 0xAC00;
    private const int HangulCount = 11172;
    private const int Vowels = 21;
    private const int Finals = 28;

    private static readonly Lazy<Dictionary<int, string>> Characters = new(Read);

    /// <summary>What is left of a character; null where it stays as it is. Nonspacing marks themselves are not looked at.</summary>
    public static string? Find(Rune character)
    {
        int syllable = character.Value - FirstHangul;
        return syllable is >= 0 and < HangulCount ? Letters(syllable) : Characters.Value.GetValueOrDefault(character.Value);
    }

    /// <summary>The two or three letters of a Hangul syllable (The Unicode Standard, section 3.12).</summary>
    private static string Letters(int syllable)
    {
        char initial = (char)(0x1100 + (syllable / (Vowels * Finals)));
        char vowel = (char)(0x1161 + (syllable / Finals % Vowels));
        char final = (char)(0x11A7 + (syllable % Finals));
        return syllable % Finals == 0 ? new string([initial, vowel]) : new string([initial, vowel, final]);
    }

    private static Dictionary<int, string> Read()
    {
        using Stream resource = typeof(Unaccented).Assembly.GetManifestResourceStream("unaccented.txt")!;
        using var reader = new StreamReader(resource);
        var characters = new Dictionary<int, string>();
        foreach (string line in reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var character = Rune.GetRuneAt(line, 0);
            characters.Add(character.Value, line[character.Utf16SequenceLength..]);
        }

        return characters;
    }
}
