/** What went wrong, and the way to try again. */
export function Failure({ text, onRetry }: { readonly text: string; readonly onRetry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <p>{text}</p>
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
