using System.Runtime.InteropServices;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Answers;

/// <summary>
/// Knows which tokens made the text that is visible: each comes out once all of its text is, so a token that is, or touches, a stop string never does.
/// Like the text it depends on the ids alone.
/// </summary>
/// <remarks>Positions are characters of the detokenized text, the template's own marks included. Allocates nothing once warm.</remarks>
internal sealed class TokenTrace
{
    private const long Unknown = long.MaxValue;

    private readonly List<(AnswerToken Token, TokenLogprob[] Tops, long End)> _waiting = [];
    private readonly List<AnswerToken> _visible = []; // what the last call returned
    private readonly Stack<TokenLogprob[]> _spare = []; // arrays that no waiting token uses: those of _visible, then used ones
    private long _lastEnd;

    /// <summary>Takes the next token that prints something.</summary>
    /// <param name="token">The token; what it was lent is copied.</param>
    /// <param name="end">Length of the text with it.</param>
    /// <param name="isComplete">Whether it ends with a whole character; else its text ends where a later token completes that.</param>
    public void Add(AnswerToken token, long end, bool isComplete)
    {
        Settle(end, _waiting.Count > 0 && end > _lastEnd);
        _lastEnd = end;
        TokenLogprob[] tops = _spare.TryPop(out TokenLogprob[]? spare) ? spare : new TokenLogprob[token.TopLogprobs.Length]; // all alike
        token.TopLogprobs.CopyTo(tops);
        _waiting.Add((token with { TopLogprobs = tops }, tops, isComplete ? end : Unknown));
    }

    /// <summary>Takes out what has become visible.</summary>
    /// <param name="hiddenBefore">Length of what the template hides at the start; a token within it is dropped.</param>
    /// <param name="visibleEnd">Length of the text of which all but that is visible.</param>
    /// <returns>Valid until the next call of any method.</returns>
    public ReadOnlySpan<AnswerToken> TakeVisible(long hiddenBefore, long visibleEnd)
    {
        _visible.Clear();
        int count = 0;
        while (count < _waiting.Count && _waiting[count].End <= visibleEnd)
        {
            (AnswerToken token, TokenLogprob[] tops, long end) = _waiting[count++];
            _spare.Push(tops);
            if (end > hiddenBefore)
            {
                _visible.Add(token);
            }
        }

        _waiting.RemoveRange(0, count);
        return CollectionsMarshal.AsSpan(_visible);
    }

    /// <summary>Ends the text: what was incomplete ends here.</summary>
    public void Finish(long end) => Settle(end, true);

    private void Settle(long end, bool grown)
    {
        for (int i = _waiting.Count - 1; grown && i >= 0 && _waiting[i].End == Unknown; i--)
        {
            _waiting[i] = _waiting[i] with { End = end };
        }
    }
}
